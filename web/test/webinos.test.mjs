// Against a real zone: tests/system/test_webinos_js.py starts one, answers its questions, and sets
// PZ_WEB_URL (of pzpd), PZ_ZONE, PZ_OTHER (a second device).
import assert from "node:assert/strict";
import { test } from "node:test";

import { webinos as main } from "../webinos.mjs";
import { keep, page as pageAt } from "./page.mjs";
import { WebSocket } from "./socket.mjs";

const { PZ_WEB_URL: url, PZ_ZONE: zone, PZ_OTHER: other } = process.env;
const TEST = "http://webinos.org/api/test";

const page = (origin) => pageAt(url, origin);

const webinos = page();

test("finds the services of all devices", async () => {
  const services = await webinos.find(TEST);
  assert.deepEqual(services.map((one) => one.serviceAddress).sort(), [`${zone}/laptop`, `${zone}/${other}`]);
  assert.equal(webinos.state, "connected");
  const names = [];
  for await (const service of webinos.find(TEST)) names.push(service.displayName);
  assert.equal(names.length, 2);
});

test("finds nothing", async () => {
  assert.deepEqual(await webinos.find("http://webinos.org/api/none"), []);
});

test("calls any function, by name and by proxy", async () => {
  for (const service of await webinos.find(TEST)) {
    assert.equal(await service.call("get42", ["é世"]), "42 é世");
    assert.equal(await service.get42("x"), "42 x");
  }
});

test("says what was wrong", async () => {
  const [service] = await webinos.find(TEST);
  await assert.rejects(service.nothing("x"), (error) => error instanceof webinos.WebinosError && error.code === -32601);
});

test("follows a stream until the loop ends", async () => {
  for (const service of await webinos.find(TEST)) {
    const values = [];
    for await (const value of service.stream("listenAttr.listenFor42", ["x"])) {
      values.push(value);
      break;
    }
    assert.equal(values.length, 1);
  }
});

test("a stream ends by its signal", async () => {
  const [service] = await webinos.find(TEST);
  const controller = new AbortController();
  await assert.rejects(async () => {
    for await (const value of service.stream("listenAttr.listenFor42", ["x"], { signal: controller.signal })) {
      assert.ok(value);
      controller.abort();
    }
  }, { name: "AbortError" });
});

test("the classic way", async () => {
  const found = await new Promise((resolve, reject) => {
    webinos.discovery.findServices(new ServiceType(TEST), {
      onFound: (service) => service.bindService({ onBind: resolve }),
      onError: reject,
    });
  });
  assert.equal(await new Promise((resolve, reject) => found.get42("y", resolve, reject)), "42 y");
  const value = await new Promise((resolve) => found.listenAttr.listenFor42(resolve, "x"));
  assert.ok(value);
  const nothing = await new Promise((resolve) => {
    webinos.discovery.findServices("http://webinos.org/api/none", { onFound: assert.fail, onError: () => resolve("none") });
  });
  assert.equal(nothing, "none");
  assert.equal(webinos.session.getPZHId(), zone);
  assert.equal(webinos.session.getPZPId(), `${zone}/laptop`);
  assert.ok(webinos.session.getSessionId().startsWith(`${zone}/laptop/`));
  assert.deepEqual(webinos.session.getConnectedPZH(), [zone]);
  assert.ok(webinos.session.getConnectedPZP().includes(`${zone}/${other}`));
  assert.equal(webinos.session.getPzhState(), "connected");
});

test("a page provides a service, and another page calls it", async () => {
  const provider = page("https://provider.example");
  let stopped = null;
  const isStopped = new Promise((resolve) => (stopped = resolve));
  const provided = await provider.services.register(
    { api: "http://example.org/counter", displayName: "Counter", description: "Counts." },
    {
      add: ([a, b], { caller }) => ({ sum: a + b, caller }),
      fail: () => {
        throw new RangeError("too far");
      },
      async *count(params, { signal }) {
        signal.addEventListener("abort", stopped);
        for (let i = 0; ; i++) {
          yield i;
          await new Promise((resolve) => setTimeout(resolve, 5));
        }
      },
    },
  );
  const [service] = await webinos.find("http://example.org/counter");
  assert.equal(service.description, "Counts. (https://provider.example)");
  const answer = await service.add(2, 3);
  assert.equal(answer.sum, 5);
  assert.equal(answer.caller, webinos.session.getSessionId());
  await assert.rejects(service.fail(), { name: "RangeError", message: "too far" });
  const values = [];
  for await (const value of service.stream("count")) {
    values.push(value);
    if (values.length === 3) break;
  }
  assert.deepEqual(values, [0, 1, 2]);
  await isStopped;
  await provided.unregister();
  assert.deepEqual(await webinos.find("http://example.org/counter"), []);
  const again = await provider.services.register({ api: "http://example.org/counter", displayName: "Counter" }, { add: () => 1 });
  assert.ok(again.descriptor.id);
  provider.close();
  for (let i = 0; i < 100 && (await webinos.find("http://example.org/counter")).length; i++);
  assert.deepEqual(await webinos.find("http://example.org/counter"), []);
});

test("a service asks its caller, who answers", async () => {
  const provider = page("https://provider.example");
  const provided = await provider.services.register(
    { api: "http://example.org/counter", displayName: "Asking" },
    {
      order: async (params, { ask }) => `${await ask("which", ["tea", "milk"])}!`,
      shy: async (params, { ask }) => {
        await assert.rejects(ask("which"), { name: "RangeError" });
        return ask("nothing").then((answer) => [answer]);
      },
    },
  );
  const [service] = (await webinos.find("http://example.org/counter")).filter((one) => one.displayName === "Asking");
  const order = await service.call("order", [], { onAsk: (name, value) => name === "which" && value[0] });
  assert.equal(order, "tea!");
  const onAsk = (name) => {
    if (name === "which") throw new RangeError("no");
  };
  assert.deepEqual(await service.call("shy", [], { onAsk }), [{}]);
  await provided.unregister();
});

test("a socket that breaks: address, services and streams go on, calls end", async () => {
  let socket;
  class Breaking extends WebSocket {
    constructor(...args) {
      super(...args);
      socket = this;
    }
  }
  const broken = main.create().configure({ url, origin: "https://app.example", WebSocket: Breaking });
  keep(broken);
  await broken.connect();
  const address = broken.session.getSessionId();
  await broken.services.register({ api: "http://example.org/counter", displayName: "Broken" }, { ping: () => "pong" });
  const [service] = await broken.find(TEST);
  const stream = service.stream("listenAttr.listenFor42", [{ repeat: true }]);
  assert.ok((await stream.next()).value);
  const [provided] = (await webinos.find("http://example.org/counter")).filter((one) => one.displayName === "Broken");
  const isBack = new Promise((resolve) => broken.session.addListener("state", ({ state }) => state === "connected" && resolve()));
  socket.break();
  await isBack;
  assert.equal(broken.session.getSessionId(), address);
  assert.equal(await provided.ping(), "pong");
  assert.ok((await stream.next()).value);
  assert.equal((await broken.find(TEST)).length, 2);
  await stream.return();
  broken.close();
  for (let i = 0; i < 100 && (await webinos.find("http://example.org/counter")).length; i++);
  assert.deepEqual(await webinos.find("http://example.org/counter"), []);
});

test("two pages talk", async () => {
  const other = page("https://provider.example");
  const tab = page();
  const received = [];
  await tab.app.open("chat", (message, { from, isSameOrigin }) => {
    received.push([message, from, isSameOrigin]);
    return { got: message };
  });
  assert.deepEqual(await tab.app.find({ name: "chat" }), []); // not itself
  for (const [one, isSame] of [[webinos, true], [other, false]]) {
    await one.connect();
    const [peer] = await one.app.find({ name: "chat", origin: "https://app.example" });
    assert.equal(peer.address, tab.session.getSessionId());
    assert.deepEqual(await peer.send({ n: 1 }), { got: { n: 1 } });
    assert.deepEqual(received.pop(), [{ n: 1 }, one.session.getSessionId(), isSame]);
    await assert.rejects(peer.send("x".repeat(70000)), { name: "DataError" });
  }
  assert.deepEqual(await webinos.app.find({ origin: "https://nobody.example" }), []);
  const box = await other.app.open("box", () => {
    throw new TypeError("not now");
  });
  const [peer] = await webinos.app.find({ name: "box" });
  await assert.rejects(peer.send(1), { name: "TypeError", message: "not now" });
  await box.close();
  assert.deepEqual(await webinos.app.find({ name: "box" }), []);
});

test("stores its own keys, and is told of changes", async () => {
  const { storage } = webinos;
  const tab = page();
  const changes = [];
  let changed;
  const twice = new Promise((resolve) => (changed = resolve));
  await tab.connect();
  const end = tab.storage.onChange(({ key }) => changes.push(key) === 2 && changed());
  await tab.storage.keys(); // after the request to watch
  assert.equal(await storage.get("a"), undefined);
  await storage.set("a", { b: [1, null] });
  assert.deepEqual(await storage.get("a"), { b: [1, null] });
  await storage.set("c", "d");
  assert.deepEqual(await storage.keys(), ["a", "c"]);
  assert.deepEqual(await storage.keys("c"), ["c"]);
  await twice;
  assert.deepEqual(changes, ["a", "c"]);
  end();
  assert.equal(await page("https://provider.example").storage.get("a"), undefined);
  assert.equal(await storage.remove("a"), true);
  assert.equal(await storage.remove("a"), false);
  assert.equal(await storage.clear(), 1);
  await assert.rejects(storage.set("k".repeat(300), 1), { name: "QuotaExceededError" });
  await assert.rejects(storage.set("", 1), { code: -32602 });
});

test("a page that is denied", async () => {
  const denied = page("https://denied.example");
  await assert.rejects(denied.find(TEST), { name: "SecurityError" });
  assert.equal(denied.state, "denied");
});

test("a pzpd that is not there", async () => {
  const alone = main.create("ws://localhost:1/");
  alone.configure({ url: "ws://localhost:1/", origin: "https://app.example", WebSocket });
  const states = [];
  alone.session.addListener("state", ({ state }) => states.push(state));
  await assert.rejects(alone.find(TEST), { name: "NetworkError", message: /No pzpd answers at ws:\/\/localhost:1/ });
  assert.deepEqual(states, ["connecting", "disconnected"]);
  alone.close();
});
