// Pages as these tests open them; all are closed when the tests of a file have run.
import { after } from "node:test";

import { webinos as main } from "../webinos.mjs";
import { WebSocket } from "./socket.mjs";

const open = [];

/** Closes it at the end. */
export function keep(webinos) {
  open.push(webinos);
  return webinos;
}

/** A page of `origin` at the pzpd of `url`. */
export function page(url, origin = "https://app.example") {
  const webinos = main.create();
  webinos.configure({ url, origin, WebSocket });
  return keep(webinos);
}

after(() => {
  for (const webinos of open) webinos.close();
});
