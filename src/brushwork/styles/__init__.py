"""Styles: references and blends, the library, saved styles, and regions."""
