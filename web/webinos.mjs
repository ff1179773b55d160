// The client library as a module: import webinos from "http://localhost:8080/webinos.mjs".
import "./webinos.js";

const webinos = globalThis.webinos.create(import.meta.url);

export { webinos };
export default webinos;
