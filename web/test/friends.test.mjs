// What a friend's zone shows and allows, from JavaScript: tests/system/test_web_friends.py starts two
// zones that are friends, shares one service, answers questions, and sets PZ_WEB_URL (of the pzpd
// of this side), PZ_FRIEND (the other zone) and PZ_FRIEND_DEVICE (that shares its test service).
import assert from "node:assert/strict";
import { test } from "node:test";

import { page as pageAt } from "./page.mjs";

const { PZ_WEB_URL: url, PZ_FRIEND: zone, PZ_FRIEND_DEVICE: device } = process.env;
const TEST = "http://webinos.org/api/test";

const page = (origin) => pageAt(url, origin);

const webinos = page();

test("finds what a friend shares, and nothing else", async () => {
  const found = await webinos.find("*", { zone });
  assert.deepEqual(found.map((one) => [one.api, one.serviceAddress]), [[TEST, `${zone}/${device}`]]);
});

test("finds it on one device, in several zones, and by the original's call", async () => {
  const [one] = await webinos.find(TEST, { zone: `${zone}/${device}` });
  assert.equal(one.serviceAddress, `${zone}/${device}`);
  const own = webinos.session.getPZPId().split("/")[0];
  const both = await webinos.find(TEST, { zone: [zone, own] });
  assert.ok(both.some((service) => service.serviceAddress.startsWith(`${own}/`)));
  assert.ok(both.some((service) => service.serviceAddress.startsWith(`${zone}/`)));
  const found = await new Promise((onFound, onError) =>
    webinos.discovery.findServices({ api: TEST }, { onFound, onError }, null, { zoneId: [zone] }),
  );
  assert.equal(found.serviceAddress, `${zone}/${device}`);
});

test("without a zone only the own one is searched", async () => {
  for (const service of await webinos.find(TEST)) assert.ok(!service.serviceAddress.startsWith(`${zone}/`));
});

test("calls and listens", async () => {
  const [service] = await webinos.find(TEST, { zone });
  assert.equal(await service.get42("hello"), "42 hello");
  let values = 0;
  for await (const value of service.stream("listenAttr.listenFor42", [{ repeat: true }])) {
    assert.ok(value);
    if (++values === 2) break;
  }
});

test("what is not shared is not there, and refused where it is named all the same", async () => {
  const status = "http://webinos.org/api/devicestatus";
  assert.deepEqual(await webinos.find(status, { zone }), []);
  const [own] = await webinos.find(status);
  const [shared] = await webinos.find(TEST, { zone });
  Object.assign(shared, { api: status, id: own.id });
  await assert.rejects(shared.call("getPropertyValue", [{ component: "_DEFAULT", aspect: "OS", property: "name" }]), {
    name: "SecurityError",
  });
});

test("a zone that is no friend is out of reach", async () => {
  const error = await new Promise((resolve) =>
    webinos.discovery.findServices(TEST, { onFound: assert.fail, onError: resolve }, null, { zoneId: ["eve@example.com"] }),
  );
  assert.equal(error.name, "NetworkError");
  assert.deepEqual(await webinos.find(TEST, { zone: "eve@example.com" }), []);
});

test("a page that may not find anything is refused before anything is asked", async () => {
  await assert.rejects(page("https://denied.example").find(TEST, { zone }), { name: "SecurityError" });
});
