// One command a line of JSON on stdin, one answer a line on stdout. Pages have names.
import { createInterface } from "node:readline";

import { chromium } from "playwright-core";

const browser = await chromium.launch({ executablePath: process.argv[2], args: ["--no-sandbox", "--disable-dev-shm-usage"] });
const context = await browser.newContext();
context.setDefaultTimeout(30000);
const pages = new Map();

const commands = {
  async open({ page, url }) {
    const one = await context.newPage();
    pages.set(page, one);
    await one.goto(url);
  },
  /** As a browser's "duplicate tab" does: with a copy of sessionStorage. */
  async duplicate({ page, as }) {
    const one = pages.get(page);
    const [copy] = await Promise.all([context.waitForEvent("page"), one.evaluate(() => void window.open(location.href))]);
    await copy.waitForLoadState();
    pages.set(as, copy);
  },
  evaluate: ({ page, script }) => pages.get(page).evaluate(script),
  /** Waits until an expression is true in the page. */
  async wait({ page, script }) {
    await pages.get(page).waitForFunction(script, undefined, { polling: 50 });
  },
  async reload({ page }) {
    await pages.get(page).reload();
  },
  async close({ page }) {
    await pages.get(page).close({ runBeforeUnload: false });
    pages.delete(page);
  },
  /** Page lifecycle: "frozen" or "active". */
  async lifecycle({ page, state }) {
    const session = await context.newCDPSession(pages.get(page));
    await session.send("Page.setWebLifecycleState", { state });
  },
  /** From the next page on this tab's clock is the test's. */
  async clock({ page }) {
    await pages.get(page).clock.install();
  },
  async forward({ page, ms }) {
    await pages.get(page).clock.fastForward(ms);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...params } = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[command](params)) ?? null };
  } catch (error) {
    answer = { error: String(error) };
  }
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}
await browser.close();
