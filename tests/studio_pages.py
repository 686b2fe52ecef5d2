"""A studio with its page in this process, and clients that ask the page's functions what its browser never would."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from studios import PATIENCE

from brushwork.errors import BrushworkError, UsageError
from brushwork.studio import server
from brushwork.studio.files import StudioFiles
from brushwork.studio.limits import Limits
from brushwork.studio.quick_worker import FUNCTIONS
from brushwork.studio.service import Service
from brushwork.studio.users import Users

META = {"_type": "gradio.FileData"}
PASSWORD = "correct horse"


class Here(Service):
    """Without workers: what the quick one does is done here, and jobs wait."""

    def start(self) -> None:
        self.checks.call = self.previews.call = self._call  # type: ignore[method-assign]

    def close(self) -> None:
        pass

    def _call(self, function: str, /, *, user: str, topic: str = "", **arguments: Any) -> Any:
        try:
            return FUNCTIONS[function](**arguments)
        except BrushworkError as error:
            raise UsageError(str(error)) from None


@dataclass
class Client:
    """Somebody who reaches the page."""

    http: httpx.Client
    config: dict[str, Any]
    told: list[str] = field(default_factory=list)  # all that the studio ever answered
    asked: int = 0

    @property
    def functions(self) -> list[tuple[int, list[str]]]:
        """Of the page: their numbers, and the types of what they take."""
        kinds = {part["id"]: part["type"] for part in self.config["components"]}
        return [(d["id"], [kinds[part] for part in d["inputs"]]) for d in self.config["dependencies"]]

    def taking(self, kind: str) -> tuple[int, list[str]]:
        """The first function that takes such a component."""
        return next(function for function in self.functions if kind in function[1])

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.http.request(method, path, **options)
        self.told.append(answer.text)
        return answer

    def call(self, function: int, data: list[Any], **more: Any) -> tuple[int, str]:
        """What comes of calling a function: the status, and all that is said."""
        self.asked += 1
        session = f"session{id(self)}{self.asked}"
        body = {"data": data, "fn_index": function, "session_hash": session, **more}
        answer = self.ask("POST", "/gradio_api/queue/join", json=body)
        if answer.status_code != 200:
            return answer.status_code, answer.text
        said = ""
        with self.http.stream("GET", "/gradio_api/queue/data", params={"session_hash": session}) as events:
            for line in events.iter_lines():
                said += line
                if '"process_completed"' in line:
                    break
        self.told.append(said)
        last = json.loads(said.rpartition("data: ")[2])
        return 200, json.dumps([last["success"], last["output"].get("data"), last["output"].get("error")])

    def send(self, path: Path) -> str:
        """Send a file to the page; the path that it has there."""
        answer = self.http.post("/gradio_api/upload", files={"files": (path.name, path.read_bytes())})
        assert answer.status_code == 200, answer.text
        return str(answer.json()[0])

    def uploads(self) -> list[dict[str, Any]]:
        return list(self.http.get("/api/uploads").json())


@dataclass
class PageStudio:
    """A studio with a page; "local" is whoever asks where there are no logins."""

    url: str
    folder: Path
    clients: dict[str, Client]


@contextmanager
def page_studio(folder: Path, users: tuple[str, ...]) -> Iterator[PageStudio]:
    files = StudioFiles(folder)
    for user in users:
        Users(folder / "users.json").add(user, PASSWORD)
    with pytest.MonkeyPatch.context() as patch, ExitStack() as ending:
        patch.setenv("GRADIO_TEMP_DIR", "")  # the page sets it
        patch.setenv("BRUSHWORK_HOME", str(folder.with_name("home")))
        patch.setattr(server, "Service", Here)
        app = server.application(files, Limits(upload_mb=1), login=bool(users))
        config = uvicorn.Config(app, port=0, log_config=None)
        serving = uvicorn.Server(config)
        thread = threading.Thread(target=serving.run)
        thread.start()
        ending.callback(thread.join)
        ending.callback(setattr, serving, "should_exit", True)
        while not serving.started:
            assert thread.is_alive()
            time.sleep(0.01)
        url = f"http://127.0.0.1:{serving.servers[0].sockets[0].getsockname()[1]}"
        clients = dict[str, Client]()
        for name in users or ("local",):
            http = ending.enter_context(httpx.Client(base_url=url, timeout=PATIENCE))
            if users:
                token = http.post("/api/sessions", json={"name": name, "password": PASSWORD}).json()["token"]
                http.headers["authorization"] = f"Bearer {token}"
            clients[name] = Client(http, http.get("/config").json())
        yield PageStudio(url, folder, clients)
