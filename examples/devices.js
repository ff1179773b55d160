// The whole example: find the service on every device, and follow two of its values.
"use strict";

const STATUS = "http://webinos.org/api/devicestatus";
const VALUES = {
  load: { aspect: "CPU", property: "currentLoad" },
  battery: { aspect: "Battery", property: "batteryLevel" },
};

const port = new URLSearchParams(location.search).get("port") || "8080";
const script = document.createElement("script");
script.src = `http://localhost:${port}/webinos.js`;
script.onload = () => start().catch(say);
script.onerror = () => say(`No pzpd answers at port ${port} of this device.`);
document.head.append(script);

function say(what) {
  document.getElementById("state").textContent = what.message || what;
}

function rowOf(service) {
  const name = service.serviceAddress.split("/").pop();
  const row = document.getElementById("devices").insertRow();
  row.dataset.device = name;
  row.insertCell().textContent = name;
  return { load: row.insertCell(), battery: row.insertCell() };
}

async function follow(service, cell, value) {
  try {
    const show = (now) => (cell.textContent = now);
    show(await service.getPropertyValue(value));
    for await (const now of service.stream("watchPropertyChange", [value, { minNotificationInterval: 1000 }])) show(now);
  } catch (error) {
    cell.textContent = error.name === "NotFoundError" ? "–" : error.name;
  }
}

async function showAll() {
  document.getElementById("devices").replaceChildren();
  for (const service of await webinos.find(STATUS)) {
    const cells = rowOf(service);
    for (const name in VALUES) follow(service, cells[name], VALUES[name]);
  }
}

async function start() {
  webinos.session.addListener("state", ({ state, reason }) => {
    say(state === "asking" ? "Waiting for you: `pzp prompts` asks whether this page may come in." : reason || state);
    if (state === "connected") showAll().catch(say);
  });
  await webinos.connect();
}
