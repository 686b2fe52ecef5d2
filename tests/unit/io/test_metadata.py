"""The recipe in its XMP packet, also as other programs may leave it."""

from xml.etree import ElementTree

import pytest

from brushwork.io.metadata import pack_recipe, unpack_recipe


@pytest.mark.parametrize(
    "recipe", ["{}", '{"a": "<b>&amp;]]>"}', '{"a":\r\n1}', '"\U0001f58c ü"', '"' + "y" * 99_999 + '"']
)
def test_there_and_back(recipe: str) -> None:
    packet = pack_recipe(recipe)
    assert unpack_recipe(packet) == recipe
    ElementTree.fromstring(packet)


def test_characters_that_xml_forbids_become_json_escapes() -> None:
    assert unpack_recipe(pack_recipe('"\ufffe\ud800"')) == '"\\ufffe\\ud800"'


def test_recipe_as_an_attribute() -> None:
    packet = (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description xmlns:b="https://brushwork.invalid/ns/1.0/" b:recipe="{&quot;a&quot;:1}"/>'
        "</rdf:RDF></x:xmpmeta>"
    )
    assert unpack_recipe(packet.encode()) == '{"a":1}'


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"junk",
        b"<x>",
        b"\xff\xfe\x00",
        b"<x/>",
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><x>&b;</x>',
    ],
)
def test_foreign_or_broken_packets_hold_no_recipe(packet: bytes) -> None:
    assert unpack_recipe(packet) is None
