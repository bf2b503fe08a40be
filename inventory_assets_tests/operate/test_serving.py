from __future__ import annotations

import os
import socket

import pytest
import yaml

from inventory_assets.operate.instance import InstanceError, prepare
from inventory_assets.operate.serving import SERVED, await_socket, served


def test_each_module_of_the_workspace_has_a_code_server_and_the_rest_stays_as_it_is(tmp_path):
    home = tmp_path / "dagster"
    prepare(home)
    before = (home / "workspace.yaml").read_text()
    mine = {"python_file": {"relative_path": "/srv/mine.py", "location_name": "mine"}}
    (home / "workspace.yaml").write_text(
        yaml.safe_dump(
            {"load_from": [*yaml.safe_load(before)["load_from"], mine, {"python_module": "other.definitions"}]}
        )
    )
    code, others = served(tmp_path, home, 3999, {"PATH": "/bin"}, tmp_path)
    assert [service.name for service, _ in code] == [
        "code server of inventory_assets",
        "code server of other.definitions",
    ]
    assert len({service.log for service, _ in code} | {each.log for each in others}) == 4
    for service, path in code:
        assert service.command[service.command.index("--socket") + 1] == str(path)
        assert service.environment["DAGSTER_HOME"] == str(home)
    for service in others:
        assert service.command[-1] == str(home / SERVED)
    entries = yaml.safe_load((home / SERVED).read_text())["load_from"]
    assert entries[0] == {
        "grpc_server": {"host": "localhost", "socket": str(code[0][1]), "location_name": "inventory_assets"}
    }
    assert entries[1] == mine
    assert [entry["grpc_server"]["location_name"] for entry in (entries[0], entries[2])] == [
        "inventory_assets",
        "other.definitions",
    ]


@pytest.mark.parametrize("text", ["load_from", "{}", "load_from: ["])
def test_a_workspace_that_names_no_code_is_refused_with_the_way_out(tmp_path, text):
    (tmp_path / "workspace.yaml").write_text(text)
    with pytest.raises(InstanceError, match=r"(?s)workspace\.yaml names no code.*remove it"):
        served(tmp_path, tmp_path, 3999, os.environ, tmp_path)


def test_waiting_for_a_socket_ends_when_somebody_answers_or_time_is_up(tmp_path):
    path, looks = tmp_path / "0.sock", []
    with pytest.raises(InstanceError, match=r"did not answer on .*0\.sock"):
        await_socket(path, lambda: looks.append(1), seconds=0.3)
    assert looks
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        await_socket(path, lambda: None, seconds=5)
