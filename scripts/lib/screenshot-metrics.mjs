// Drives the page Metrics of a vertex in the Flink web UI, which charts a metric from the moment it is chosen and
// forgets it with the page: chooses metrics, lets the charts grow, takes a picture.
//   node screenshot-metrics.mjs OUT.png PAGE_URL WIDTHxHEIGHT SECONDS METRIC...
// Resolves playwright-core from PLAYWRIGHT_DIR/node_modules; CHROMIUM and CHROMIUM_FLAGS say what to run.
import { createRequire } from 'node:module';
import { join } from 'node:path';

const [out, page, size, seconds, ...metrics] = process.argv.slice(2);
const [width, height] = size.split(/[x,]/).map(Number);
const { chromium } = createRequire(join(process.env.PLAYWRIGHT_DIR, 'package.json'))('playwright-core');

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: process.env.CHROMIUM_FLAGS.split(' '),
});
try {
  const ui = await browser.newPage({ viewport: { width, height } });
  await ui.goto(page);
  // the drawer over the graph: names of metrics need the room
  await ui.locator('flink-job-overview-drawer a.handler.full').click();
  const charts = ui.locator('flink-job-overview-drawer-chart');
  const search = charts.locator('.metric-selector input');
  for (const metric of metrics) {
    await charts.locator('.metric-selector .ant-select-selector').click();
    await search.fill(metric);
    // the list filters by substring: another metric's name may contain this one
    await ui.locator('nz-option-item').filter({ hasText: new RegExp(`(^|\\.)${metric}\\s*$`) }).first().click();
  }
  await ui.waitForTimeout(Number(seconds) * 1000);
  const shown = await charts.locator('flink-job-chart').count();
  if (shown !== metrics.length) {
    throw new Error(`${metrics.length} charts were chosen but the page shows ${shown}`);
  }
  // makes room below for the last row of charts
  const handle = await ui.locator('.resize-handle.horizontal').boundingBox();
  const last = await charts.locator('flink-job-chart').last().boundingBox();
  const middle = handle.x + handle.width / 2;
  await ui.mouse.move(middle, handle.y + handle.height / 2);
  await ui.mouse.down();
  await ui.mouse.move(middle, Math.min(last.y + last.height + 24, height - 24), { steps: 5 });
  await ui.mouse.up();
  await ui.mouse.move(0, 0);
  await ui.waitForTimeout(1000);
  await ui.screenshot({ path: out });
} finally {
  await browser.close();
}
