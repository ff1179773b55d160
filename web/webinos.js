/*
 * The client library of a personal zone: a page (or a program in Node.js) finds and calls the
 * services of its owner's devices, through the pzpd of the device that it runs on. A classic script
 * that sets `webinos`; webinos.mjs is the same as a module, webinos.d.ts has the types.
 *
 *     const [service] = await webinos.find("http://webinos.org/api/test");
 *     await service.get42("x");                                   // any function of any service
 *     for await (const value of service.stream("listenAttr.listenFor42", ["x"])) …
 *
 * The callback style of the original webinos.js works beside it: webinos.discovery.findServices,
 * bindService, webinos.session.
 */
(function (root) {
  "use strict";

  const DEFAULT_URL = "ws://localhost:8080/";
  const BACKOFF_FIRST_MS = 500;
  const BACKOFF_MAX_MS = 30000;
  const CALL_TIMEOUT_MS = 150000; // a question to the owner may take two minutes
  const RETURN_MS = 5000; // page 11: how long a session waits for its page
  const MESSAGES = "http://webinos.org/api/app2app";
  const DISCOVERY = "ServiceDiscovery.findServices";
  const PEERS = { api: "Peers" }; // the object of the PZP, where a service is expected

  // ---- errors ----

  /** What a call failed with: `name` as in the DOM, `code` of JSON-RPC. */
  class WebinosError extends Error {
    constructor(name, message, code) {
      super(message || name);
      this.name = name;
      this.code = code;
    }
  }

  function errorOf(error) {
    const data = error && error.data;
    const name = (data && data.name) || (typeof data === "string" && data) || "UnknownError";
    return new WebinosError(name, (data && data.message) || (error && error.message), error && error.code);
  }

  function isAborted(signal) {
    return signal && signal.aborted;
  }

  function abortError(signal) {
    return (signal && signal.reason) || new WebinosError("AbortError", "The call was aborted.");
  }

  function newId() {
    if (root.crypto && root.crypto.randomUUID) return root.crypto.randomUUID();
    let id = "";
    for (let i = 0; i < 32; i++) id += Math.floor(Math.random() * 16).toString(16);
    return id;
  }

  // ---- the secret of a session ----

  /**
   * By which a page that reloads gets its session back. It is in sessionStorage from the unload of
   * a page to the load of the next one, and at no other time: so a tab that is duplicated has none.
   */
  const secrets = {
    store() {
      try {
        return root.sessionStorage || null;
      } catch (error) {
        return null; // a page that may store nothing
      }
    },

    take(url) {
      const store = this.store();
      const secret = store && store.getItem(`webinos ${url}`);
      if (secret) store.removeItem(`webinos ${url}`);
      return secret || null;
    },

    keep(url, secret) {
      const store = this.store();
      if (store && secret) store.setItem(`webinos ${url}`, secret);
    },
  };

  // ---- the connection ----

  /** Where this script came from: the pzpd that serves it is the one to connect to. */
  function urlOf(source) {
    try {
      const url = new URL(source);
      if (/^(localhost|127\.0\.0\.1|\[::1\])$/.test(url.hostname)) return `ws://${url.host}/`;
    } catch (error) {
      // no URL: a file, or a bundle
    }
    return DEFAULT_URL;
  }

  class Connection {
    constructor(source) {
      this.url = urlOf(source);
      this.options = {};
      this.socket = null;
      this.state = "idle";
      this.reason = "";
      this.address = this.pzp = this.zone = this.version = null;
      this.calls = new Map(); // id -> call under way
      this.provided = new Map(); // "api@id" -> service of this page
      this.running = new Map(); // id of a request to this page -> AbortController
      this.listeners = new Map(); // status -> Map(id -> function)
      this.waiting = []; // {resolve, reject} until registered
      this.secret = null; // by which the session goes on at another socket
      this.lost = null; // the error of what goes on only with the session; null: it is whole
      this.lostTimer = null;
      this.later = []; // answers that wait for the session
      this.unclaimed = []; // requests to services that this page has yet to register
      this.resumedAt = 0;
      this.storage = new Storage(this);
      this.backoff = BACKOFF_FIRST_MS;
      this.wasOpen = false;
      this.timer = null;
    }

    setState(state, reason) {
      if (this.state === state && this.reason === (reason || "")) return;
      this.state = state;
      this.reason = reason || "";
      this.emit("state", { state, reason: this.reason });
    }

    emit(status, data) {
      callEach((this.listeners.get(status) || new Map()).values(), data);
    }

    /** Resolves when this page is let in; rejects when it is denied. */
    ready() {
      if (this.state === "connected") return Promise.resolve();
      if (this.state === "denied") return Promise.reject(this.deniedError());
      const promise = new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
      if (this.socket === null && this.timer === null) this.open();
      return promise;
    }

    deniedError() {
      return new WebinosError("SecurityError", "The owner of this device has not let this page in.", -32005);
    }

    settle(error) {
      const waiting = this.waiting;
      this.waiting = [];
      for (const one of waiting) error ? one.reject(error) : one.resolve();
    }

    open() {
      const Socket = this.options.WebSocket || root.WebSocket;
      if (!Socket) throw new WebinosError("NotSupportedError", "no WebSocket here: webinos.configure({ WebSocket })");
      this.timer = null;
      this.wasOpen = false;
      this.followUnload();
      this.setState("connecting");
      const { origin, token } = this.options;
      const socket = token
        ? new Socket(this.url, { headers: { Authorization: `Bearer ${token}` } })
        : origin
          ? new Socket(this.url, { origin, headers: { Origin: origin } })
          : new Socket(this.url);
      this.socket = socket;
      socket.onopen = () => {
        this.wasOpen = true;
        this.setState("asking");
        this.raw({
          type: "prop",
          from: null,
          resp_to: null,
          payload: {
            status: "registerBrowser",
            session: { secret: this.secret || undefined, keep: [...this.calls.keys(), ...this.running.keys()] },
            value: root.location ? root.location.pathname : "",
            origin: root.location ? root.location.origin : origin,
          },
        });
      };
      socket.onmessage = (event) => this.receive(event.data);
      socket.onerror = () => {};
      socket.onclose = (event) => this.closed(socket, event);
    }

    /** Once: the secret is in sessionStorage only while no page of this tab is loaded. */
    followUnload() {
      if (this.isFollowing) return;
      this.isFollowing = true;
      this.secret = secrets.take(this.url);
      if (!root.addEventListener) return;
      root.addEventListener("pagehide", () => this.state !== "closed" && secrets.keep(this.url, this.secret));
      root.addEventListener("pageshow", (event) => event.persisted && secrets.take(this.url));
    }

    /** What is open goes on with the session, or not at all: a call is not repeated. */
    sessionLost(error) {
      clearTimeout(this.lostTimer);
      this.lost = null;
      this.secret = null;
      this.later = [];
      for (const call of [...this.calls.values()]) call.fail(error);
      for (const controller of this.running.values()) controller.abort();
      this.running.clear();
    }

    closed(socket, event) {
      if (this.socket !== socket) return;
      this.socket = null;
      const lost = new WebinosError("NetworkError", this.lostReason(event), -32001);
      if (this.secret && this.state === "connected") {
        for (const call of [...this.calls.values()]) if (!call.isStream) call.fail(lost);
        this.lost = lost;
        this.lostTimer = setTimeout(() => this.sessionLost(lost), RETURN_MS);
        if (this.lostTimer.unref) this.lostTimer.unref();
      } else if (!this.lost) {
        this.sessionLost(lost);
      }
      if (this.state === "closed" || this.state === "denied") return;
      this.setState("disconnected", lost.message);
      if (!this.wasOpen) this.settle(lost);
      this.timer = setTimeout(() => this.open(), this.backoff);
      if (this.timer.unref && this.waiting.length === 0 && this.options.unref) this.timer.unref();
      this.backoff = Math.min(this.backoff * 2, BACKOFF_MAX_MS);
    }

    lostReason(event) {
      if (this.wasOpen) return (event && event.reason) || "The connection to pzpd was lost.";
      return (
        `No pzpd answers at ${this.url}. Does it run on this device, and at this port (\`pzp status\`)? ` +
        "A browser asks before a page may connect to programs of this device: allow it beside the address."
      );
    }

    close() {
      const socket = this.socket;
      clearTimeout(this.timer);
      this.timer = null;
      this.setState("closed");
      this.settle(new WebinosError("AbortError", "The connection was closed."));
      this.socket = null;
      this.sessionLost(new WebinosError("AbortError", "The connection was closed."));
      if (socket) socket.close(1000);
    }

    raw(message) {
      this.socket.send(JSON.stringify(message));
    }

    send(to, payload) {
      this.raw({ type: "JSONRPC", from: this.address, to, resp_to: this.address, payload });
    }

    receive(text) {
      const message = JSON.parse(text);
      if (message.type === "prop") this.onProp(message);
      else if (message.type === "JSONRPC") this.onRpc(message);
    }

    onProp(message) {
      const { status, message: value } = message.payload;
      const isMoved = status === "update" && this.address !== message.to;
      if (status === "registeredBrowser" || status === "update") {
        this.address = message.to;
        this.pzp = message.from;
        this.zone = value;
      } else if (status === "webinosVersion") {
        this.version = value;
      }
      if (status === "registeredBrowser") this.onRegistered(value && value.session);
      if (isMoved) for (const service of this.provided.values()) service.announce().catch(report);
      this.emit(status, message);
    }

    /** @param session {secret, resumed, kept}; undefined: it was not asked for */
    onSession(session) {
      if (session && session.resumed) {
        const kept = new Set(session.kept);
        this.resumedAt = Date.now();
        for (const call of [...this.calls.values()])
          if (!kept.has(call.id)) call.fail(this.lost || new WebinosError("NetworkError", "The connection to pzpd was lost.", -32001));
        clearTimeout(this.lostTimer);
        this.lost = null;
      } else if (this.lost) {
        this.sessionLost(this.lost);
      }
      this.secret = session ? session.secret : null;
    }

    onRegistered(session) {
      if (/\.invalid\//.test(this.pzp)) {
        this.setState("denied", "the owner has not let this page in");
        this.settle(this.deniedError());
        return;
      }
      this.backoff = BACKOFF_FIRST_MS;
      if (this.state === "connected") return;
      this.onSession(session);
      this.setState("connected");
      this.settle();
      for (const send of this.later.splice(0)) send();
      for (const service of this.provided.values()) service.announce().catch(report);
      this.storage.watch();
    }

    onRpc(message) {
      const all = Array.isArray(message.payload) ? message.payload : [message.payload];
      for (const payload of all) {
        if (payload.method !== undefined) this.onRequest(message.resp_to || message.from, message.from, payload);
        else this.onAnswer(message.from, payload);
      }
    }

    onAnswer(from, payload) {
      const call = this.calls.get(payload.id);
      if (!call || call.to !== from) return;
      if (payload.error) call.fail(errorOf(payload.error));
      else call.succeed(payload.result);
    }

    onRequest(replyTo, from, payload) {
      const dot = payload.method.lastIndexOf(".");
      const object = payload.method.slice(0, dot);
      const name = payload.method.slice(dot + 1);
      const call = this.calls.get(object);
      const isAsked = payload.id !== undefined && payload.id !== null;
      if (call && call.to === from) {
        if (isAsked) this.answer(replyTo, payload.id, () => call.ask(name, payload.params));
        else call.event(name, payload.params);
        return;
      }
      if (object === "AppStorage" && from === this.pzp) {
        this.storage.changed(payload.params);
        return;
      }
      const service = this.provided.get(object);
      if (!service && from === this.pzp && object.includes("@") && Date.now() - this.resumedAt < RETURN_MS) {
        this.unclaimed.push({ object, payload, replyTo });
        setTimeout(() => this.refuseUnclaimed(payload), RETURN_MS);
        return;
      }
      if (service && from === this.pzp) service.serve(name, payload, replyTo);
      else if (isAsked)
        this.send(replyTo, { jsonrpc: "2.0", id: payload.id, error: { code: -32601, message: "Method not found" } });
    }

    /** A page that was loaded anew gets requests before it has registered its services again. */
    serveUnclaimed(service) {
      const mine = this.unclaimed.filter((one) => one.object === service.key);
      this.unclaimed = this.unclaimed.filter((one) => one.object !== service.key);
      for (const { object, payload, replyTo } of mine) service.serve(payload.method.slice(object.length + 1), payload, replyTo);
    }

    refuseUnclaimed(payload) {
      const one = this.unclaimed.find((other) => other.payload === payload);
      if (!one) return;
      this.unclaimed = this.unclaimed.filter((other) => other !== one);
      if (this.socket && this.state === "connected" && payload.id !== undefined)
        this.send(one.replyTo, { jsonrpc: "2.0", id: payload.id, error: { code: -32601, message: "Method not found" } });
    }

    /** Sends what a function returns, or throws, as the answer to a request. */
    answer(replyTo, id, run, isWanted = () => true) {
      return Promise.resolve()
        .then(run)
        .then(
          (result) => ({ result: result === undefined ? {} : result }),
          (error) => ({
            error: {
              code: -31000,
              message: "Method Invocation returned with error",
              data: { name: (error && error.name) || "UnknownError", message: String((error && error.message) || error) },
            },
          }),
        )
        .then((answer) => {
          const send = () => isWanted() && this.send(replyTo, { jsonrpc: "2.0", id, ...answer });
          if (this.socket && this.state === "connected") send();
          else if (this.lost) this.later.push(send);
        })
        .catch(report);
    }

    /** Starts a call. @return its promise, with `id` and `cancel` */
    call(to, method, params, { onEvent, onAsk, signal, timeout, cancel } = {}) {
      const id = newId();
      const call = { id, to, method, isStream: timeout === 0 && !!onEvent };
      call.promise = new Promise((resolve, reject) => {
        let timer = null;
        const onAbort = () => {
          if (cancel && this.socket && this.state === "connected") this.send(to, cancel(id));
          call.fail(abortError(signal));
        };
        const end = (settle, value) => {
          if (!this.calls.delete(id)) return;
          clearTimeout(timer);
          if (signal) signal.removeEventListener("abort", onAbort);
          settle(value);
        };
        call.succeed = (result) => end(resolve, result);
        call.fail = (error) => end(reject, error);
        call.event = (name, value) => onEvent && onEvent(name, value);
        call.ask = (name, value) => {
          if (onAsk) return onAsk(name, value);
          call.event(name, value);
          return undefined;
        };
        call.abort = onAbort;
        if (isAborted(signal)) {
          reject(abortError(signal));
          return;
        }
        this.calls.set(id, call);
        if (signal) signal.addEventListener("abort", onAbort);
        const wait = timeout === undefined ? CALL_TIMEOUT_MS : timeout;
        if (wait > 0) timer = setTimeout(() => call.fail(new WebinosError("TimeoutError", "No answer in time.", -32003)), wait);
        this.send(to, { jsonrpc: "2.0", id, method, params });
      });
      call.promise.catch(() => {});
      return call;
    }
  }

  function report(error) {
    if (root.console) root.console.error(error);
  }

  function callEach(listeners, data) {
    for (const listener of [...listeners]) {
      try {
        listener(data);
      } catch (error) {
        report(error);
      }
    }
  }

  // ---- services of others ----

  function giveUp(service) {
    if (service === PEERS) return (id) => ({ jsonrpc: "2.0", method: "Peers.cancel", params: [id] });
    return (id) => ({
      jsonrpc: "2.0",
      method: `${service.api}@${service.id}.removeEventListener`,
      params: [id],
    });
  }

  /** The values of a stream, one after the other; leaving the loop ends it at the service. */
  async function* values(connection, service, name, params, { signal } = {}) {
    await connection.ready();
    const queue = [];
    let wake = null;
    let end = null;
    const push = (item) => {
      queue.push(item);
      if (wake) wake();
    };
    const [to, method] =
      service === PEERS
        ? [connection.pzp, `Peers.${name}`]
        : [service.serviceAddress, `${service.api}@${service.id}.${name}`];
    const call = connection.call(to, method, params || [], {
      onEvent: (event, value) => push({ value }),
      signal,
      timeout: 0,
      cancel: giveUp(service),
    });
    call.promise.then(
      () => ((end = {}), push(null)),
      (error) => ((end = { error }), push(null)),
    );
    try {
      for (;;) {
        while (queue.length > 0) {
          const item = queue.shift();
          if (item) yield item.value;
          if (isAborted(signal)) throw abortError(signal);
        }
        if (end) {
          if (end.error) throw end.error;
          return;
        }
        await new Promise((resolve) => (wake = resolve));
        wake = null;
      }
    } finally {
      if (!end) call.abort();
    }
  }

  class Service {
    #connection;

    constructor(connection, descriptor) {
      this.#connection = connection;
      Object.assign(this, descriptor);
      this.state = "available";
    }

    /** Calls a function. @param options {signal, timeout (ms; 0: none), onEvent(name, value): what the
     * service sends meanwhile, onAsk(name, value): what it asks; what that returns is the answer} */
    async call(name, params, options = {}) {
      await this.#connection.ready();
      return this.#connection.call(this.serviceAddress, `${this.api}@${this.id}.${name}`, params === undefined ? [] : params, {
        ...options,
        cancel: giveUp(this),
      }).promise;
    }

    /** An async iterable of what the function sends. @param options {signal} */
    stream(name, params, options) {
      return values(this.#connection, this, name, params, options);
    }

    /** The classic way: nothing has to be loaded, so it is bound at once. */
    bindService(callbacks) {
      setTimeout(() => callbacks && callbacks.onBind && callbacks.onBind(this.self || this), 0);
      return this.self || this;
    }

    bind(callbacks) {
      return this.bindService(callbacks);
    }

    unbindService() {}

    unbind() {}

    /** With functions among the arguments, as the original's clients call: the first gets the result
     * and each value of a stream, the second an error. */
    classic(name, args) {
      const [onSuccess, onError] = args.filter((one) => typeof one === "function");
      const params = args.filter((one) => typeof one !== "function");
      let events = 0;
      return this.#connection
        .ready()
        .then(
          () =>
            this.#connection.call(this.serviceAddress, `${this.api}@${this.id}.${name}`, params, {
              onEvent: (event, value) => {
                events++;
                onSuccess(value);
              },
              timeout: 0,
            }).promise,
        )
        .then(
          (result) => {
            if (events === 0) onSuccess(result);
          },
          (error) => onError && onError(error),
        );
    }
  }

  /** service.function(x), service.path.function(x): whatever the service has. */
  function functionOf(service, path) {
    const call = (...args) =>
      args.some((one) => typeof one === "function") ? service.classic(path, args) : service.call(path, args);
    return new Proxy(call, {
      get: (target, name) =>
        typeof name === "symbol" || name in target ? target[name] : functionOf(service, `${path}.${name}`),
    });
  }

  function serviceOf(connection, descriptor) {
    const service = new Service(connection, descriptor);
    const proxy = new Proxy(service, {
      get(target, name) {
        const value = target[name];
        if (typeof value === "function") return value.bind(target);
        if (value !== undefined || typeof name === "symbol" || name === "then" || name in target || name === "toJSON")
          return value;
        return functionOf(target, name);
      },
    });
    Object.defineProperty(service, "self", { value: proxy });
    return proxy;
  }

  // ---- peers ----

  /** A stream of the object Peers; leaving the loop ends it. */
  function peerStream(connection, name, params, signal) {
    return values(connection, PEERS, name, params, { signal });
  }

  /** A pairing window: an async iterable of what happens, and its end. */
  class Pairing {
    #connection;
    #controller = new AbortController();

    constructor(connection, options) {
      this.#connection = connection;
      this.digits = null;
      this.state = "opening";
      let fail;
      this.result = new Promise((resolve, reject) => {
        this.finish = resolve;
        fail = reject;
      });
      this.result.catch(() => {});
      this.call = connection.ready().then(() => {
        const call = connection.call(connection.pzp, "Peers.pair", [options || {}], {
          onEvent: (name, value) => this.#take(value),
          signal: this.#controller.signal,
          timeout: 0,
          cancel: giveUp(PEERS),
        });
        return call.promise;
      });
      this.call.then(
        (result) => {
          this.state = "closed";
          this.finish(result);
          this.#wake();
        },
        (error) => {
          this.state = "closed";
          fail(error);
          this.#wake();
        },
      );
      this.waiters = [];
      this.changes = [];
    }

    #take(value) {
      if (!value || typeof value !== "object") return;
      this.state = value.state;
      this.digits = value.digits || null;
      this.partner = value.partner || null;
      this.changes.push(value);
      this.#wake();
    }

    #wake() {
      const waiters = this.waiters;
      this.waiters = [];
      for (const one of waiters) one();
    }

    async *[Symbol.asyncIterator]() {
      let at = 0;
      for (;;) {
        while (at < this.changes.length) yield this.changes[at++];
        if (this.state === "closed") return;
        await new Promise((resolve) => this.waiters.push(resolve));
      }
    }

    /** The digits to compare with those of the other device; they are shown on this device, too. */
    async compare() {
      for await (const change of this) if (change.digits) return change.digits;
      await this.result; // says why there are none
      throw new WebinosError("AbortError", "The window was closed before there were digits.");
    }

    /** The person has compared the digits, and they are equal. @return {trusted, …} */
    async confirm({ remember } = {}) {
      const connection = this.#connection;
      return connection.call(connection.pzp, "Peers.answer", [{ digits: this.digits, ...(remember ? { remember } : {}) }], {
        timeout: 0,
      }).promise;
    }

    /** The digits differ, or the person does not want to: closes the window. */
    cancel() {
      this.#controller.abort();
    }
  }

  function peersOf(connection) {
    const call = async (name, params, options) => {
      await connection.ready();
      return connection.call(connection.pzp, `Peers.${name}`, params, options).promise;
    };
    return {
      /** The devices that this one knows: id, displayName, deviceType, state, route, friend, … */
      discover: (options) => call("discover", [], options),
      /** A direct link with a peer, by its id. @return {id, state, route} */
      connect: (peer, options) => call("connect", [typeof peer === "string" ? peer : peer.id], options),
      /** An async iterable: first every peer, then each change: {type: "peer", peer} or {type:
       * "gone", id}. */
      watch: ({ signal } = {}) => peerStream(connection, "watch", [], signal),
      /** The same for a listener. @return what ends it */
      onChange(listener) {
        const controller = new AbortController();
        (async () => {
          for await (const change of peerStream(connection, "watch", [], controller.signal)) listener(change);
        })().catch((error) => {
          if (!controller.signal.aborted) report(error);
        });
        return () => controller.abort();
      },
      /** Opens a window to pair with a device of another person. @param options {host, port,
       * remember} */
      pair: (options) => new Pairing(connection, options),
    };
  }

  // ---- services of this page ----

  class Provided {
    constructor(connection, description, methods) {
      this.connection = connection;
      this.description = description;
      this.methods = methods;
    }

    /** Again after each connection: the service lives as long as the socket. */
    async announce() {
      const { connection } = this;
      const descriptor = await connection.call(connection.pzp, "ServiceRegistry.register", [
        { ...this.description, methods: Object.keys(this.methods) },
      ]).promise;
      if (this.key) connection.provided.delete(this.key);
      this.key = `${descriptor.api}@${descriptor.id}`;
      this.descriptor = descriptor;
      connection.provided.set(this.key, this);
      connection.serveUnclaimed(this);
      return descriptor;
    }

    async unregister() {
      const { connection, descriptor } = this;
      connection.provided.delete(this.key);
      await connection.call(connection.pzp, "ServiceRegistry.unregister", [{ api: descriptor.api, id: descriptor.id }]).promise;
    }

    serve(name, payload, replyTo) {
      const { connection } = this;
      const { id } = payload;
      if (name === "removeEventListener") {
        const running = connection.running.get((payload.params || [])[0]);
        if (running) running.abort();
        return;
      }
      const controller = new AbortController();
      connection.running.set(id, controller);
      const ctx = {
        caller: payload.caller,
        signal: controller.signal,
        ask: (question, value) => connection.call(replyTo, `${id}.${question}`, value === undefined ? [] : value).promise,
      };
      connection
        .answer(replyTo, id, () => this.run(name, payload, replyTo, ctx), () => !controller.signal.aborted)
        .then(() => connection.running.delete(id));
    }

    async run(name, payload, replyTo, ctx) {
      const method = Object.prototype.hasOwnProperty.call(this.methods, name) && this.methods[name];
      if (!method) throw new WebinosError("NotFoundError", `no function ${name}`);
      const params = payload.params === undefined || payload.params === null ? [] : payload.params;
      const result = await method.call(this.methods, params, ctx);
      if (!result || typeof result[Symbol.asyncIterator] !== "function") return result;
      for await (const value of result) {
        if (ctx.signal.aborted) break;
        const send = () => this.connection.send(replyTo, { jsonrpc: "2.0", method: `${payload.id}.onEvent`, params: value });
        if (this.connection.state === "connected") send();
        else this.connection.later.push(send);
      }
      return undefined;
    }
  }

  // ---- messages between apps ----

  /** The id of an app and the number of its session, which end an address. */
  function sessionOf(address) {
    const [id, number] = address.slice(address.lastIndexOf("/") + 1).split(":");
    return { id, number };
  }

  /** A session of an app that gets messages. */
  class Peer {
    #service;

    constructor(service) {
      const [, origin, session] = /\(([^()]*)\) ([0-9a-f]+:[0-9]+)$/.exec(service.description) || [];
      this.#service = service;
      this.name = service.displayName;
      this.origin = origin;
      this.address = session && `${service.serviceAddress}/${session}`;
    }

    /** Sends a message, any JSON up to 64 KiB. @return a promise of what the other app answers */
    send(message, options) {
      return this.#service.call("message", [message], options);
    }
  }

  class Messages {
    constructor(connection, services) {
      this.connection = connection;
      this.services = services;
    }

    /** Lets other apps send messages to this page. @param onMessage (message, {from, isSameOrigin,
     * signal}): what it returns is the answer @return {name, close} */
    async open(name, onMessage) {
      const message = ([value], { caller, signal }) =>
        onMessage(value, { from: caller, isSameOrigin: this.isSameOrigin(caller), signal });
      const provided = await this.services.register({ api: MESSAGES, displayName: name }, { message });
      return { name, close: () => provided.unregister() };
    }

    /** An address ends with the id that a device makes of the origin: the same one everywhere. */
    isSameOrigin(address) {
      return sessionOf(address).id === sessionOf(this.connection.address).id;
    }

    /** The sessions of other pages that get messages, on all devices. @param filter {name, origin} */
    async find({ name, origin } = {}) {
      const services = await this.services.find(MESSAGES);
      return services
        .map((service) => new Peer(service))
        .filter((peer) => peer.address && peer.address !== this.connection.address)
        .filter((peer) => (name === undefined || peer.name === name) && (origin === undefined || peer.origin === origin));
    }
  }

  // ---- what a page stores ----

  /** The keys of this page's origin, at the pzpd of this device. */
  class Storage {
    constructor(connection) {
      this.connection = connection;
      this.listeners = new Set();
    }

    async ask(name, params) {
      await this.connection.ready();
      return this.connection.call(this.connection.pzp, `AppStorage.${name}`, params).promise;
    }

    /** The value of a key, any JSON; undefined: there is none. */
    async get(key) {
      return (await this.ask("get", [key])).value;
    }

    /** Resolves when the value is on the disk. */
    async set(key, value) {
      await this.ask("set", [key, value]);
    }

    /** @return whether there was one */
    async remove(key) {
      return (await this.ask("remove", [key])).removed > 0;
    }

    /** Removes everything. @return how many keys there were */
    async clear() {
      return (await this.ask("clear", [])).removed;
    }

    /** All keys that begin so, in order. */
    async keys(prefix) {
      const all = [];
      for (let after = null; ; ) {
        const { keys, next } = await this.ask("keys", [prefix || "", after]);
        all.push(...keys);
        if (next === undefined) return all;
        after = next;
      }
    }

    /** Calls `listener` with {key} for each change, by this page or elsewhere; {}: everything is
     * gone. @return a function that ends it */
    onChange(listener) {
      this.listeners.add(listener);
      if (this.connection.state === "connected") this.watch();
      else this.connection.ready().catch(() => {});
      return () => this.listeners.delete(listener);
    }

    /** Again after each connection. */
    watch() {
      if (this.listeners.size > 0) this.ask("watch", []).catch(report);
    }

    changed(change) {
      callEach(this.listeners, change || {});
    }
  }

  // ---- what a page sees ----

  function make(source) {
    const connection = new Connection(source);
    let listenerCount = 0;

    /** Starts a search. @return {promise of all, cancel} */
    function search(api, { onFound, onError }, options, filter) {
      const found = [];
      let call = null;
      let isCancelled = false;
      let hasFailed = false;
      const promise = connection.ready().then(() => {
        if (isCancelled) return found;
        call = connection.call(connection.pzp, DISCOVERY, [{ api }, options || null, filter || null], {
          onEvent: (name, value) => {
            if (name === "onservicefound" || name === "onFound") {
              const service = serviceOf(connection, value);
              found.push(service);
              if (onFound) onFound(service);
            } else if (name === "onError" || name === "onSecurityError") {
              hasFailed = true;
              if (onError) onError(value || new WebinosError("NotFoundError", `no service of ${api} was found`));
            }
          },
        });
        return call.promise.then(() => found);
      });
      const settled = promise.catch((error) => {
        if (onError && !hasFailed && !isCancelled) onError(error);
        throw error;
      });
      settled.catch(() => {});
      return {
        promise: settled,
        cancel() {
          isCancelled = true;
          if (call) call.fail(new WebinosError("AbortError", "The search was cancelled."));
        },
      };
    }

    const webinos = {
      WebinosError,

      /** Before the first use: {url, token, WebSocket} for programs that are no page of a browser
       * (`token` of `pzp app token NAME`, or `origin`). */
      configure(options) {
        connection.options = { ...connection.options, ...options };
        if (options.url) connection.url = options.url;
        return webinos;
      },

      /** Connects, and resolves when the owner has let this page in. */
      connect: () => connection.ready(),
      /** Ends the connection, for good. */
      close: () => connection.close(),

      /** "idle", "connecting", "asking" (the owner), "connected", "denied", "disconnected" (it comes
       * back by itself), "closed". */
      get state() {
        return connection.state;
      },
      get reason() {
        return connection.reason;
      },

      /** Services of an API ("*" stands for any text): a promise of all, and an async iterable.
       * @param zone of a friend, or one of its devices ("bob@example.org/tv"), or several: what they
       * show to this device; the own zone unless given */
      find(api, { filter, timeout, zone } = {}) {
        const wanted = zone ? { ...filter, zoneId: [].concat(zone) } : filter;
        const { promise } = search(api, {}, timeout ? { timeout } : null, wanted);
        promise[Symbol.asyncIterator] = async function* () {
          yield* await promise;
        };
        return promise;
      },

      services: {
        /** Provides a service as long as this page is connected. @param methods functions
         * (params, {caller, signal}); one that is an async generator is a stream
         * @return {descriptor, unregister} */
        async register(description, methods) {
          const provided = new Provided(connection, description, methods);
          await connection.ready();
          await provided.announce();
          return provided;
        },
      },

      /** Messages to and from other pages: open, find. */
      app: new Messages(connection, {
        find: (api) => webinos.find(api),
        register: (description, methods) => webinos.services.register(description, methods),
      }),

      /** Keys of this page's origin: get, set, remove, clear, keys, onChange. */
      peers: peersOf(connection),

      storage: connection.storage,

      discovery: {
        findServices(serviceType, callbacks, options, filter) {
          const api = typeof serviceType === "string" ? serviceType : serviceType.api;
          return search(api, callbacks || {}, options, filter);
        },
      },

      session: {
        getSessionId: () => connection.address,
        getPZPId: () => connection.pzp,
        getPZHId: () => (connection.zone && connection.zone.pzhId) || "",
        getConnectedDevices: () => (connection.zone && connection.zone.connectedDevices) || [],
        getConnectedPZH: () => ((connection.zone && connection.zone.connectedDevices) || []).map((zone) => zone.id),
        getConnectedPZP: () =>
          ((connection.zone && connection.zone.connectedDevices) || [])
            .flatMap((zone) => zone.pzp || [])
            .filter((pzp) => pzp.isConnected)
            .map((pzp) => pzp.id),
        getPzhState: () => (connection.zone && connection.zone.state.Pzh) || "not_connected",
        getPzpState: () => (connection.zone && connection.zone.state.Pzp) || "not_connected",
        isConnected: () => connection.state === "connected",
        getWebinosVersion: () => connection.version,
        /** @param status "registeredBrowser", "update", "pzhDisconnected", "webinosVersion", or
         * "state" @return a number for removeListener */
        addListener(status, listener) {
          const id = ++listenerCount;
          if (!connection.listeners.has(status)) connection.listeners.set(status, new Map());
          connection.listeners.get(status).set(id, listener);
          if (status === "registeredBrowser" && connection.state === "idle") connection.ready().catch(() => {});
          return id;
        },
        removeListener(status, id) {
          const listeners = connection.listeners.get(status);
          if (listeners) listeners.delete(id);
        },
      },

      /** Another connection of its own, for programs that need more than one. */
      create: (url) => make(url || source),
    };
    return webinos;
  }

  const script = root.document && root.document.currentScript;
  const webinos = make((script && script.src) || "");
  root.webinos = webinos;
  root.ServiceType = class ServiceType {
    constructor(api) {
      this.api = api;
    }
  };
  if (typeof module === "object" && module && module.exports) module.exports = webinos;
})(typeof globalThis === "object" ? globalThis : self);
