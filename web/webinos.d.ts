// Types of webinos.js. `webinos` is a global in a page, and the default export of the module.

export interface CallOptions {
  signal?: AbortSignal;
  /** In ms; 0: none. */
  timeout?: number;
  /** What the service sends meanwhile. */
  onEvent?: (name: string, value: any) => void;
  /** What the service asks; the result, or the error, is the answer. */
  onAsk?: (name: string, value: any) => unknown;
}

export interface Descriptor {
  id: string;
  api: string;
  displayName: string;
  description: string;
  serviceAddress: string;
  icon?: string | null;
}

/** A service of a device. Any other member is one of its functions: `await service.get42("x")`. */
export interface Service extends Descriptor {
  call<T = unknown>(name: string, params?: unknown, options?: CallOptions): Promise<T>;
  stream<T = unknown>(name: string, params?: unknown, options?: { signal?: AbortSignal }): AsyncGenerator<T, void, void>;
  bindService(callbacks?: { onBind?: (service: Service) => void }): Service;
  bind(callbacks?: { onBind?: (service: Service) => void }): Service;
  unbindService(): void;
  unbind(): void;
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  [name: string]: any;
}

export interface Filter {
  zoneId?: string[];
  serviceID?: string;
  cache?: boolean;
  remoteServices?: boolean;
}

export type State = "idle" | "connecting" | "asking" | "connected" | "denied" | "disconnected" | "closed";

export interface Provided {
  descriptor: Descriptor;
  unregister(): Promise<void>;
}

/** A function of a service of this page; an async generator is a stream. */
export type Method = (params: any, ctx: Context) => unknown;

export interface Context {
  /** Address, as the devices have verified it. */
  caller: string;
  /** Aborted when the caller does not want the call any more. */
  signal: AbortSignal;
  /** Asks the caller; rejects when it cannot answer or does not in time. */
  ask<T = unknown>(name: string, value?: unknown): Promise<T>;
}

/** A session of another page that gets messages. */
export interface Peer {
  readonly name: string;
  readonly origin: string;
  readonly address: string;
  /** Any JSON up to 64 KiB; resolves with what the other page answers. */
  send<T = unknown>(message: unknown, options?: CallOptions): Promise<T>;
}

export interface Messages {
  /** Other pages may send messages from now on, as far as the policy and the owner allow. */
  open(
    name: string,
    onMessage: (message: any, about: { from: string; isSameOrigin: boolean; signal: AbortSignal }) => unknown,
  ): Promise<{ name: string; close(): Promise<void> }>;
  find(filter?: { name?: string; origin?: string }): Promise<Peer[]>;
}

/** The keys of this page's origin, kept by the pzpd of this device. */
export interface Storage {
  /** undefined: there is no such key. */
  get<T = unknown>(key: string): Promise<T | undefined>;
  /** Any JSON. Resolves when it is on the disk. */
  set(key: string, value: unknown): Promise<void>;
  /** Whether there was one. */
  remove(key: string): Promise<boolean>;
  /** How many keys there were. */
  clear(): Promise<number>;
  keys(prefix?: string): Promise<string[]>;
  /** A change by this page or elsewhere; without `key`: everything is gone. Returns what ends it. */
  onChange(listener: (change: { key?: string }) => void): () => void;
}

export interface Peer {
  id: string;
  displayName: string;
  deviceType: string;
  state: string;
  /** Which way leads there now. */
  route: "direct" | "hub" | "relay" | "none";
  private: boolean;
  /** It is in a friend zone. */
  friend: boolean;
  answers: boolean;
  /** Seconds since 1970; null: it is there, or that is not known. */
  lastSeen: number | null;
}

export type PeerChange = { type: "peer"; peer: Peer } | { type: "gone"; id: string };

export interface PairingState {
  state: "waiting" | "pairing";
  partner: { id: string; zone: string | null; device: string; displayName: string } | null;
  digits: string | null;
  secondsLeft: number;
  /** Of this device, for the other one's `pair({host, port})`; null: it accepts no connection. */
  port: number | null;
}

export interface PairingResult {
  trusted: boolean;
  remembered: boolean;
  partner: PairingState["partner"];
  reason: string;
}

export interface Pairing extends AsyncIterable<PairingState> {
  readonly state: string;
  readonly digits: string | null;
  readonly result: Promise<PairingResult>;
  /** The six digits, once both devices have them; show them, and let the person compare. */
  compare(): Promise<string>;
  /** They are equal. Resolves when both persons have said so. */
  confirm(options?: { remember?: boolean }): Promise<PairingResult>;
  cancel(): void;
}

export interface Peers {
  discover(options?: { signal?: AbortSignal; timeout?: number }): Promise<Peer[]>;
  connect(peer: string | Peer, options?: { signal?: AbortSignal; timeout?: number }): Promise<{ id: string; state: string; route: string }>;
  watch(options?: { signal?: AbortSignal }): AsyncIterable<PeerChange>;
  onChange(listener: (change: PeerChange) => void): () => void;
  pair(options?: { host?: string; port?: number; remember?: boolean }): Pairing;
}

export interface Zone {
  id: string;
  friendlyName: string;
  isConnected?: boolean;
  pzp?: { id: string; friendlyName: string; deviceType: string; isConnected: boolean }[];
}

export class WebinosError extends Error {
  /** Of JSON-RPC. */
  code?: number;
}

export interface Webinos {
  WebinosError: typeof WebinosError;
  readonly state: State;
  readonly reason: string;
  configure(options: { url?: string; token?: string; origin?: string; WebSocket?: unknown; unref?: boolean }): Webinos;
  connect(): Promise<void>;
  close(): void;
  create(url?: string): Webinos;
  find(api: string, options?: { filter?: Filter; timeout?: number; zone?: string | string[] }): Promise<Service[]> & AsyncIterable<Service>;
  services: {
    register(
      description: { api: string; displayName: string; description?: string },
      methods: Record<string, Method>,
    ): Promise<Provided>;
  };
  app: Messages;
  storage: Storage;
  peers: Peers;
  discovery: {
    findServices(
      serviceType: string | { api: string },
      callbacks: { onFound?: (service: Service) => void; onLost?: (service: Service) => void; onError?: (error: unknown) => void },
      options?: object | null,
      filter?: Filter | null,
    ): { cancel(): void };
  };
  session: {
    getSessionId(): string | null;
    getPZPId(): string | null;
    getPZHId(): string;
    getConnectedDevices(): Zone[];
    getConnectedPZH(): string[];
    getConnectedPZP(): string[];
    getPzhState(): "connected" | "not_connected";
    getPzpState(): "connected" | "not_connected";
    isConnected(): boolean;
    getWebinosVersion(): string | null;
    addListener(status: string, listener: (data: any) => void): number;
    removeListener(status: string, id: number): void;
  };
}

export const webinos: Webinos;
export default webinos;

declare global {
  // eslint-disable-next-line no-var
  var webinos: Webinos;
  class ServiceType {
    constructor(api: string);
    api: string;
  }
}
