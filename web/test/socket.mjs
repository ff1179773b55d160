// A WebSocket client for these tests, so that they need nothing from npm: Node.js 18 and 20 have none.
import { createHash, randomBytes } from "node:crypto";
import { request } from "node:http";

export class WebSocket {
  constructor(url, { origin } = {}) {
    this.rest = Buffer.alloc(0);
    const { hostname, port } = new URL(url);
    const key = randomBytes(16).toString("base64");
    const headers = {
      Connection: "Upgrade",
      Upgrade: "websocket",
      "Sec-WebSocket-Key": key,
      "Sec-WebSocket-Version": "13",
      ...(origin ? { Origin: origin } : {}),
    };
    const client = request({ host: "127.0.0.1", port, headers: { ...headers, Host: `${hostname}:${port}` } });
    client.on("upgrade", (response, socket, head) => {
      const wanted = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      if (response.headers["sec-websocket-accept"] !== wanted) throw new Error("wrong accept");
      this.socket = socket;
      socket.on("data", (data) => this.receive(data));
      socket.on("close", () => this.ended({ code: 1006, reason: "" }));
      socket.on("error", () => {});
      this.onopen?.({});
      if (head.length) this.receive(head);
    });
    client.on("response", (response) => {
      response.resume();
      this.ended({ code: 1006, reason: "" });
    });
    client.on("error", () => this.ended({ code: 1006, reason: "" }));
    client.end();
  }

  ended(event) {
    if (this.isEnded) return;
    this.isEnded = true;
    this.onclose?.(event);
  }

  frame(opcode, payload) {
    const length = payload.length;
    const head = length < 126 ? Buffer.alloc(2) : length < 65536 ? Buffer.alloc(4) : Buffer.alloc(10);
    head[0] = 0x80 | opcode;
    if (length < 126) head[1] = 0x80 | length;
    else if (length < 65536) {
      head[1] = 0x80 | 126;
      head.writeUInt16BE(length, 2);
    } else {
      head[1] = 0x80 | 127;
      head.writeBigUInt64BE(BigInt(length), 2);
    }
    const mask = randomBytes(4);
    const body = Buffer.from(payload);
    for (let i = 0; i < length; i++) body[i] ^= mask[i % 4];
    this.socket.write(Buffer.concat([head, mask, body]));
  }

  /** Breaks without a close frame. */
  break() {
    this.socket.destroy();
  }

  send(text) {
    this.frame(1, Buffer.from(text));
  }

  close() {
    if (this.socket && !this.isEnded) this.frame(8, Buffer.from([0x03, 0xe8]));
  }

  receive(data) {
    this.rest = Buffer.concat([this.rest, data]);
    for (;;) {
      if (this.rest.length < 2) return;
      let length = this.rest[1];
      let at = 2;
      if (length === 126) {
        if (this.rest.length < 4) return;
        length = this.rest.readUInt16BE(2);
        at = 4;
      } else if (length === 127) {
        if (this.rest.length < 10) return;
        length = Number(this.rest.readBigUInt64BE(2));
        at = 10;
      }
      if (this.rest.length < at + length) return;
      const opcode = this.rest[0] & 0x0f;
      const payload = this.rest.subarray(at, at + length);
      this.rest = this.rest.subarray(at + length);
      if (opcode === 1) this.onmessage?.({ data: payload.toString() });
      else if (opcode === 9) this.frame(10, payload);
      else if (opcode === 8) {
        this.socket.end();
        this.ended({ code: length ? payload.readUInt16BE(0) : 1005, reason: payload.subarray(2).toString() });
      }
    }
  }
}
