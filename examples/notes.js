// The whole example: this page provides a service, and calls the same one of all other pages.
"use strict";

// Below app2app: so the default policy asks the owner about pages of other origins, once.
const NOTES = "http://webinos.org/api/app2app/notes";

const port = new URLSearchParams(location.search).get("port") || "8080";
const script = document.createElement("script");
script.src = `http://localhost:${port}/webinos.js`;
script.onload = () => start().catch(say);
script.onerror = () => say(`No pzpd answers at port ${port} of this device.`);
document.head.append(script);

let mine = null;

function say(what) {
  document.getElementById("state").textContent = what.message || what;
}

function show(note, from) {
  const item = document.createElement("li");
  item.textContent = `${from}: ${note}`;
  document.getElementById("notes").append(item);
}

/** The device in an address "zone/device/app:number". */
const deviceOf = (address) => address.split("/").slice(-2)[0];

async function send(note) {
  const services = (await webinos.find(NOTES)).filter((one) => one.id !== mine.id || one.serviceAddress !== mine.serviceAddress);
  const results = await Promise.allSettled(services.map((one) => one.write(note)));
  const failed = results.filter((one) => one.status === "rejected");
  show(note, "me");
  say(`sent to ${services.length - failed.length} of ${services.length} pages${failed.length ? `: ${failed[0].reason.message}` : ""}`);
}

async function start() {
  webinos.session.addListener("state", ({ state, reason }) =>
    say(state === "asking" ? "Waiting for you: `pzp prompts` asks whether this page may come in." : reason || state),
  );
  await webinos.connect();
  const description = `Writes a note on page ${Math.random().toString(36).slice(2)}.`; // two tabs are two services
  const provided = await webinos.services.register(
    { api: NOTES, displayName: "Notes", description },
    { write: ([note], { caller }) => show(String(note).slice(0, 1000), deviceOf(caller)) },
  );
  mine = provided.descriptor;
  document.getElementById("form").addEventListener("submit", (event) => {
    event.preventDefault();
    send(document.getElementById("text").value).catch(say);
    event.target.reset();
  });
}
