// Two devices that pair from JavaScript, and a third of the zone: tests/system/test_web_peers.py
// starts them, answers their questions, and sets PZ_WEB_URL and PZ_FRIEND_URL (of two pzpd in no
// common zone), PZ_ZONE, PZ_OTHER (a device of the first's zone).
import assert from "node:assert/strict";
import { test } from "node:test";

import { page } from "./page.mjs";

const { PZ_WEB_URL: url, PZ_FRIEND_URL: friendUrl, PZ_OTHER: other, PZ_ZONE: zone } = process.env;

const webinos = page(url);

test("lists peers, without addresses of the network", async () => {
  const peers = await webinos.peers.discover();
  assert.deepEqual(peers.map((peer) => peer.id), [`${zone}/${other}`]);
  assert.equal(peers[0].displayName, other);
  assert.ok(["hub", "direct"].includes(peers[0].route));
  for (const name of ["address", "addresses", "port", "reason", "latencyMs", "relay"])
    assert.equal(peers[0][name], undefined);
});

test("connects to a peer, and follows its changes", async () => {
  const controller = new AbortController();
  const changes = [];
  const isDirect = (async () => {
    for await (const change of webinos.peers.watch({ signal: controller.signal })) {
      changes.push(change);
      if (change.type === "peer" && change.peer.route === "direct") return change.peer;
    }
  })();
  const linked = await webinos.peers.connect(other);
  assert.deepEqual([linked.id, linked.route], [`${zone}/${other}`, "direct"]);
  assert.equal((await isDirect).id, `${zone}/${other}`);
  assert.ok(changes.length >= 1);
  controller.abort();
});

test("a listener ends, and may begin again", async () => {
  for (let i = 0; i < 2; i++) {
    const first = await new Promise((resolve) => {
      const stop = webinos.peers.onChange((change) => {
        stop();
        resolve(change);
      });
    });
    assert.equal(first.peer.id, `${zone}/${other}`);
  }
});

test("an unknown peer is an error", async () => {
  await assert.rejects(webinos.peers.connect("nothing"), { name: "NotFoundError" });
  await assert.rejects(webinos.peers.connect(5), { code: -32602 });
});

test("an origin that may not pair is refused", async () => {
  const denied = page(url, "https://nopair.example");
  assert.equal((await denied.peers.discover()).length, 1);
  const pairing = denied.peers.pair();
  await assert.rejects(pairing.compare(), { name: "SecurityError" });
  await assert.rejects(pairing.confirm(), { name: "InvalidStateError" });
});

async function meet(friend) {
  const theirs = friend.peers.pair();
  let port = null;
  for await (const window of theirs) if ((port = window.port)) break;
  const ours = webinos.peers.pair({ host: "127.0.0.1", port });
  const [digits, same] = await Promise.all([ours.compare(), theirs.compare()]);
  assert.match(digits, /^[0-9]{6}$/);
  assert.equal(digits, same);
  return [ours, theirs];
}

test("two devices pair, and the digits are equal", async () => {
  const friend = page(friendUrl);
  const [ours, theirs] = await meet(friend);
  const changes = [];
  const stop = webinos.peers.onChange((change) => changes.push(change));
  const results = await Promise.all([ours.confirm(), theirs.confirm()]);
  for (const result of results) assert.equal(result.trusted, true);
  assert.equal(results[0].partner.displayName, "phone");
  assert.equal((await ours.result).trusted, true);
  stop();
});

test("a no closes both windows", async () => {
  const friend = page(friendUrl);
  const [ours, theirs] = await meet(friend);
  ours.cancel();
  assert.equal((await theirs.result).trusted, false);
  await assert.rejects(ours.result);
});

test("a page that goes closes its window", async () => {
  const friend = page(friendUrl);
  const [, theirs] = await meet(friend);
  webinos.close();
  assert.equal((await theirs.result).trusted, false);
});
