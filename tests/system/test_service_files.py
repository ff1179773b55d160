"""Services that are described in files: pzpd --service, services.d; reloading; faulty files are
skipped."""

import json
import signal

import pytest

from pz.daemon import Device


def describe(path, name, output, **more):
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    path.write_text(json.dumps({
        "api": f"http://example.org/api/{name}", "displayName": name, "description": name,
        "methods": {"get": {"exec": ["/bin/echo", output]}}, **more}))
    return path


@pytest.fixture
def device(world):
    one = Device(world, "one", ["--service", world.path / "given.json"])
    describe(world.path / "given.json", "given", "1")
    describe(one.data_dir / "services.d" / "b.json", "dropped", "2")
    one.data_dir.chmod(0o700)
    return one.start()


def reload(device):
    seen = len(device.lines)
    device.process.send_signal(signal.SIGHUP)
    device.wait_log("NOTICE reloaded ", start=seen)


def offered(device):
    return {s["displayName"] for s in device.services()} - {"Test", "DeviceStatus"}


def conditions(device):
    return [c for c in device.status()["conditions"] if c["id"] == "service-file"]


def test_both_are_offered(device):
    assert offered(device) == {"given", "dropped"}
    assert device.call("given", "get").json() == {"result": 1}
    assert device.call("dropped", "get").json() == {"result": 2}
    assert not conditions(device)


def test_a_reload_adds_changes_and_removes(device):
    folder = device.data_dir / "services.d"
    describe(folder / "c.json", "added", "3")
    describe(folder / "b.json", "dropped", "22")
    describe(folder / ".hidden.json", "hidden", "0")
    describe(folder / "no.txt", "other", "0")
    reload(device)
    assert offered(device) == {"given", "dropped", "added"}
    assert device.call("dropped", "get").json() == {"result": 22}
    (folder / "b.json").unlink()
    (folder / "c.json").rename(folder / "a.json")
    reload(device)
    assert offered(device) == {"given", "added"}
    assert device.call("added", "get").json() == {"result": 3}


def test_a_reload_ends_no_call_of_a_file_that_is_as_it_was(device):
    watch = describe(device.data_dir / "services.d" / "w.json", "watch", "x", methods={
        "go": {"exec": ["/bin/sh", "-c", "echo 1; exec sleep 1000"], "stream": True}})
    reload(device)
    with device.stream("call", "--stream", "--json", "watch", "go") as stream:
        stream.line()
        describe(device.data_dir / "services.d" / "b.json", "dropped", "23")
        reload(device)
        assert device.call("dropped", "get").json() == {"result": 23}
        assert stream.process.poll() is None
        watch.unlink()
        reload(device)
        assert stream.end().code != 0


def test_a_wrong_file_is_skipped_and_named(world):
    one = Device(world, "one", ["--service", world.path / "missing.json"])
    folder = one.data_dir / "services.d"
    describe(folder / "good.json", "good", "1")
    describe(folder / "same.json", "good", "1")
    (folder / "json.json").write_text("{\n}}")
    describe(folder / "member.json", "member", "1", colour="red")
    one.data_dir.chmod(0o700)
    one.start()
    assert offered(one) == {"good"}
    texts = {c["subject"].rsplit("/", 1)[1]: c["text"] for c in conditions(one)}
    assert set(texts) == {"missing.json", "json.json", "member.json", "same.json"}
    assert all(f"service file {c['subject']}: " in c["text"] for c in conditions(one))
    assert "No such file or directory" in texts["missing.json"]
    assert "line 2" in texts["json.json"]
    assert "colour" in texts["member.json"]
    assert "line -1" not in json.dumps(texts)

    describe(folder / "member.json", "member", "1")
    (folder / "json.json").unlink()
    (folder / "good.json").write_text("{")
    reload(one)
    left = {c["subject"].rsplit("/", 1)[1]: c["text"] for c in conditions(one)}
    assert set(left) == {"missing.json", "good.json", "same.json"}
    assert "as it was before" in left["good.json"]
    assert offered(one) == {"good", "member"}


def test_serve_names_the_file(world):
    one = Device(world, "one").start()
    bad = describe(world.path / "bad.json", "bad", "1", methods={"go": {"exce": ["/bin/true"]}})
    done = one.pzp("serve", bad, check=1)
    assert str(bad) in done.reason() and "exce" in done.reason()
