"""Ports: the wanted one, another one, and whose they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from local_machine import kind, local, machine, stranger, tiny, up

from plinth.errors import EngineError
from plinth.graph import UNKNOWN
from plinth.local import ports
from plinth.local.kinds import Machine
from served import free_port

__all__ = ["local"]


def take(machine: Machine, wanted: int, name: str = "web") -> int:
    machine.home.root.mkdir(exist_ok=True)
    return int(kind("Port").make(machine, name, {"wanted": wanted}, {})["number"])


def test_the_wanted_one_is_taken_and_kept(local: Machine) -> None:
    wanted = free_port()
    assert take(local, wanted) == wanted
    outputs = {"wanted": wanted, "number": wanted}
    assert kind("Port").make(local, "web", {"wanted": wanted}, outputs) == {"number": wanted}
    assert kind("Port").look(local, "web", outputs) == outputs


def test_the_next_one_is_taken_where_a_stranger_listens(local: Machine) -> None:
    wanted = free_port()
    with stranger(wanted):
        assert wanted < take(local, wanted) <= wanted + 100


def test_one_port_is_given_to_one_environment_until_it_is_given_back(local: Machine) -> None:
    wanted = free_port()
    with machine() as other:
        assert take(local, wanted) == wanted
        assert take(other, wanted) != wanted  # although nobody listens yet
        kind("Port").delete(local, "web", {"number": wanted})
        assert take(other, wanted) == wanted


def test_what_belongs_to_others_is_not_given_back(local: Machine) -> None:
    wanted = free_port()
    with machine() as other:
        assert take(local, wanted) == wanted
        kind("Port").delete(other, "web", {"number": wanted})
        assert take(other, wanted) != wanted


def test_ports_of_environments_that_are_gone_are_free(local: Machine) -> None:
    wanted = free_port()
    with machine() as other:
        assert take(other, wanted) == wanted
    assert take(local, wanted) == wanted


def test_a_name_has_one_port_at_a_time(local: Machine, tmp_path: Path) -> None:
    first = take(local, free_port())
    second = take(local, free_port())
    given = json.loads((tmp_path / "cache" / "ports.json").read_text())
    assert str(second) in given
    assert str(first) not in given


def test_a_list_that_was_cut_off_stops_nobody(local: Machine, tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "ports.json").write_text('{"50', encoding="utf-8")
    wanted = free_port()
    assert take(local, wanted) == wanted


def test_a_port_that_a_stranger_took_is_lost_and_another_one_taken(local: Machine) -> None:
    wanted = free_port()
    number = take(local, wanted)
    outputs = {"wanted": wanted, "number": number}
    port = kind("Port")
    with stranger(number):
        assert port.look(local, "web", outputs) is None
        assert port.expect(local, "web", {"wanted": wanted}, outputs) == {"number": UNKNOWN}
        other = port.make(local, "web", {"wanted": wanted}, outputs)["number"]
        assert other != number
        # What a refresh has forgotten is taken anew.
        assert port.make(local, "web", {"wanted": wanted}, {})["number"] != number


def test_the_port_of_a_service_of_ours_is_kept(local: Machine) -> None:
    wanted = free_port()
    number = take(local, wanted)
    up(local, "web", tiny(local, number))
    port, outputs = kind("Port"), {"wanted": wanted - 1, "number": number}
    assert port.look(local, "web", outputs) == outputs
    # Also when the spec comes to name the very port that it had to fall back to.
    assert port.make(local, "web", {"wanted": number}, outputs) == {"number": number}
    with machine() as other:
        assert port.look(other, "web", outputs) is None


def test_after_a_run_that_was_cut_off_a_service_stays_on_its_port(local: Machine) -> None:
    wanted = free_port()
    assert take(local, wanted) == wanted
    up(local, "web", tiny(local, wanted))
    assert take(local, wanted) == wanted  # the state has lost it, and ours listens there
    assert take(local, wanted, "other") != wanted
    with machine() as other:
        assert take(other, wanted) != wanted


def test_another_wanted_port_shows_in_a_preview(local: Machine) -> None:
    outputs = {"wanted": 5000, "number": 5000}
    assert kind("Port").expect(local, "web", {"wanted": 6000}, outputs) == {"number": UNKNOWN}


def test_a_crowded_machine_is_told_in_a_sentence(
    local: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "free", lambda _port: False)
    with pytest.raises(EngineError, match=r"no port from 5000 to 5099 is free on 127\.0\.0\.1"):
        take(local, 5000)
