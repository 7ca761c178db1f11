// Opens the pages of tests/report.sh from disk in chromium and uses them as a reader would.
import { after, before, test } from 'node:test';
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chromium } from 'playwright-core';

const { ANALYZE, RUNS, CHROMIUM } = process.env;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
let browser;

before(async () => { browser = await chromium.launch({ executablePath: CHROMIUM, args: ['--no-sandbox'] }); });
after(() => browser.close());

/* The page of a run, opened; fails the test on any request that leaves the disk, console message or uncaught error. */
async function open(run, options = {}) {
  const context = await browser.newContext({ viewport: { width: options.width || 1440, height: 900 }, colorScheme: options.scheme || 'light',
                                             javaScriptEnabled: options.script !== false, reducedMotion: 'reduce' });
  const page = await context.newPage(), wrong = [];
  page.on('console', m => wrong.push('console: ' + m.text()));
  page.on('pageerror', e => wrong.push('error: ' + e.message));
  page.on('request', r => { if (!r.url().startsWith('file:')) wrong.push('request: ' + r.url()); });
  page.on('dialog', d => { wrong.push('dialog'); d.dismiss(); });
  if (options.measured) {
    page.session = await context.newCDPSession(page);
    await page.session.send('Performance.enable', { timeDomain: 'threadTicks' });
  }
  await page.goto('file://' + RUNS + '/' + run + (options.hash || ''));
  if (options.script !== false && !options.plain) await page.waitForSelector('html.ready');
  page.finish = async () => { await context.close(); assert.deepEqual(wrong, []); };
  return page;
}

function sql(run, query) {
  return JSON.parse(execFileSync(ANALYZE, ['sql', RUNS + '/' + run, '--format', 'json', query], { maxBuffer: 1e8 }));
}

/* Two turns of the page: what was asked for is drawn. */
const settle = page => page.evaluate(() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done))));

const STALE = 'many/stale/report.html';

test('without JavaScript the verdict and its story are there', async () => {
  const page = await open(STALE, { script: false });
  assert.match(await page.textContent('h1'), /stale read|linearizable/i);
  assert.ok(await page.isVisible('#V1 .steps'));
  assert.match(await page.textContent('.steps .wrong'), /first wrong step/);
  assert.ok(await page.isVisible('noscript .note'));
  assert.ok(await page.isVisible('#checks'));
  await page.finish();
});

test('it opens from disk, without a request, a console message or an error', async () => {
  for (const run of [STALE, 'many/clean/report.html', 'lossy/report.html', 'box/report.html', 'hostile/report.html']) {
    const page = await open(run);
    const drawn = await page.evaluate(() => [...document.querySelectorAll('canvas')].map(c => {
      const data = c.getContext('2d').getImageData(0, 0, c.width, c.height).data;
      return data.some(v => v !== 0);
    }));
    assert.deepEqual(drawn, [true, true], run);
    await page.finish();
  }
});

test('links of violations, records and moments work, and so do n and p', async () => {
  const page = await open(STALE, { hash: '#V2' });
  assert.equal(await page.textContent('.chooser .ref'), 'V2');
  assert.ok(await page.evaluate(() => document.getElementById('V2').open));
  await page.keyboard.press('n');
  assert.equal(await page.textContent('.chooser .ref'), 'V3');
  assert.match(page.url(), /#V3$/);
  await page.keyboard.press('p');
  await page.keyboard.press('p');
  assert.equal(await page.textContent('.chooser .ref'), 'V1');
  const ref = await page.textContent('#V1 .steps .wrong .where a');
  await page.click('#V1 .steps .wrong .where a');
  assert.ok((await page.textContent('.record .at')).includes(ref));
  assert.ok((await page.textContent('.steps .here')).includes(ref));
  await page.finish();
  const other = await open(STALE, { hash: '#t=4516.4' });
  assert.equal(await other.textContent('.panel h3 time'), '4516.4 ms');
  await other.finish();
});

test('the state at the cursor is what the database says', async () => {
  const times = sql('many/stale', "SELECT t FROM records WHERE role IS NOT NULL AND id % 997 = 0 ORDER BY t").map(r => r.t);
  const windows = JSON.parse((/id="summary">(.*?)<\/script>/s.exec(readFileSync(RUNS + '/' + STALE, 'utf8')))[1]).windows;
  let compared = 0;
  const page = await open(STALE);
  for (const t of times.filter(x => windows.some(w => w[0] <= x && x < w[1]))) {
    await page.evaluate(x => { location.hash = '#t=' + (x / 1e6).toFixed(6); }, t);
    await page.waitForFunction(x => document.querySelector('.panel h3 time').textContent === (x / 1e6).toFixed(1) + ' ms', t);
    const shown = await page.$$eval('.state tbody tr', rows => rows.map(r => [...r.children].slice(0, 6).map(c => c.textContent.replace(/[\u2022!]/g, '').trim())));
    const words = { F: 'F follower', P: 'P pre-candidate', C: 'C candidate', L: 'L leader', O: 'O learner' };
    const known = sql('many/stale', 'SELECT node, role, term, last_idx, commit_idx, applied_idx FROM records WHERE id IN (SELECT max(id) FROM records' +
                      ` WHERE t <= ${t} AND role IS NOT NULL GROUP BY node) ORDER BY node`)
      .map(r => [r.node, words[r.role], r.term, r.last_idx, r.commit_idx, r.applied_idx].map(String));
    assert.deepEqual(shown.filter(r => r.length === 6), known, 'at ' + t);
    compared++;
  }
  assert.ok(compared >= 5, 'only ' + compared + ' moments');
  await page.finish();
});

test('brackets walk the causes, from a receive to its send and back again', async () => {
  const [{ ref, send }] = sql('many/stale', "SELECT r.node || '.' || r.boot || ':' || r.seq AS ref, s.node || '.' || s.boot || ':' || s.seq AS send FROM violations v" +
    " JOIN messages m ON m.t_recv <= v.t AND m.type = 'app_req' JOIN records r ON r.id = m.recv_rec JOIN records s ON s.id = m.send_rec WHERE violation_id = 1 ORDER BY m.t_recv DESC LIMIT 1");
  const page = await open(STALE, { hash: '#' + ref });
  assert.ok((await page.textContent('.record .at')).includes(ref));
  await page.keyboard.press('[');
  assert.ok((await page.textContent('.record .at')).includes(send));
  await page.keyboard.press(']');
  assert.ok((await page.textContent('.record .at')).includes(ref));
  await page.focus('.diagram');
  await page.keyboard.press('ArrowRight');
  assert.ok(!(await page.textContent('.record .at')).includes(ref));
  for (const key of ['e', 'v', 'f', '+', '-', '0', 'v', 'e', 'ArrowLeft', 'ArrowUp', 'ArrowDown', 'Shift+ArrowRight']) { await page.keyboard.press(key); await settle(page); }
  await page.finish();
});

test('the SQL behind every panel runs', async () => {
  const page = await open(STALE);
  let ran = 0;
  for (const panel of await page.$$eval('[data-sql]', all => all.map(x => x.dataset.sql))) {
    const button = (await page.$(`[data-sql="${panel}"] .sql`)) || (await page.$('.toolbar .sql'));
    await button.click();
    for (const query of await page.$$eval('dialog pre', all => all.map(x => x.textContent))) { sql('many/stale', query); ran++; }
    await page.keyboard.press('Escape');
  }
  assert.ok(ran >= 15, ran + ' queries');
  await page.focus('[data-sql="state"] .scroll');
  await page.keyboard.press('q');
  assert.match(await page.textContent('dialog'), /state of every replica/);
  await page.finish();
});

test('a search finds what SQL finds, and filters leave the page whole', async () => {
  const page = await open('box/report.html');
  await page.keyboard.press('/');
  await page.keyboard.type('ev:net.drop why:partition');
  await page.keyboard.press('Enter');
  const [{ n }] = sql('box', "SELECT count(*) AS n FROM records WHERE ev = 'net.drop' AND json_extract(body, '$.why') = 'partition'");
  const held = parseInt((await page.textContent('.hits .note')).replace(/,/g, ''), 10);
  assert.equal(held, sql('box', "SELECT count(*) AS n FROM records WHERE ev = 'net.drop' AND json_extract(body, '$.why') = 'partition' AND (" +
    JSON.parse(await page.textContent('#summary')).windows.map(w => `t >= ${w[0]} AND t < ${w[1]}`).join(' OR ') + ')')[0].n);
  assert.ok(held > 0 && held <= n, held + ' of ' + n);
  await page.click('.hits li:first-child button');
  assert.match(await page.textContent('.record .at'), /net\.drop/);
  await page.keyboard.press('Escape');
  assert.ok(await page.isHidden('.hits'));
  await page.click('.filters summary');
  for (const box of await page.$$('.filters input')) { await box.click(); await settle(page); }
  await page.finish();
});

test('hostile texts stay texts', async () => {
  const page = await open('hostile/report.html');
  await page.keyboard.press('/');
  await page.keyboard.type('window.hacked');
  await page.keyboard.press('Enter');
  for (const hit of await page.$$('.hits button')) { await hit.click(); await settle(page); }
  await page.keyboard.press('Escape');
  await page.keyboard.press('q');
  await page.keyboard.press('Escape');
  const box = await (await page.$('.diagram')).boundingBox();
  for (let x = 10; x < box.width; x += 60) for (let y = 10; y < box.height; y += 25) await page.mouse.move(box.x + x, box.y + y);
  assert.equal(await page.evaluate(() => window.hacked), undefined);
  assert.equal(await page.locator('img').count(), 0);
  assert.ok((await page.textContent('body')).includes('<img src=x'));
  await page.finish();
});

test('missing records are said and drawn', async () => {
  const page = await open('lossy/report.html');
  assert.match(await page.textContent('.bar'), /records are missing/);
  assert.match(await page.textContent('.losses'), /0001/);
  const gap = JSON.parse(await page.textContent('#summary')).gaps[0];
  assert.equal(gap[0], '0001');
  assert.equal(gap[3], 21);
  await page.finish();
});

test('a run of any size: chunks come from beside the page when they are looked at', async () => {
  const page = await open('all/report/report.html', { plain: true });
  await page.waitForSelector('html.ready');
  const last = sql('all', "SELECT node || '.' || boot || ':' || seq AS ref FROM records WHERE role IS NOT NULL ORDER BY id DESC LIMIT 1")[0].ref;
  await page.keyboard.press('0');
  await page.waitForFunction(() => document.querySelectorAll('script[src]').length >= 2);
  await page.waitForTimeout(300);
  await page.evaluate(ref => { location.hash = '#' + ref; }, last);
  await page.waitForFunction(ref => document.querySelector('.record').textContent.includes(ref), last);
  await page.finish();
});

test('the index leads to the page of each run', async () => {
  const page = await open('many/report.html', { plain: true });
  assert.match(await page.textContent('h1'), /1 of 2 runs failed/);
  const links = await page.$$eval('table a', all => all.map(a => a.getAttribute('href')));
  assert.equal(links.length, 2);
  for (const href of links) assert.ok(existsSync(RUNS + '/many/' + decodeURIComponent(href)), href);
  await page.click('table a');
  await page.waitForSelector('html.ready');
  await page.finish();
});

test('axe finds no serious fault of accessibility', async () => {
  const found = new Set();
  for (const [run, width, scheme] of [[STALE, 1440, 'light'], [STALE, 1024, 'dark'], [STALE, 390, 'light'], ['lossy/report.html', 1440, 'dark'],
                                      ['many/clean/report.html', 1440, 'light'], ['many/report.html', 1440, 'light'], ['many/report.html', 390, 'dark']]) {
    const page = await open(run, { width, scheme, plain: run === 'many/report.html' });
    await page.evaluate(axe);
    const look = async (where, root) => {
      const result = await page.evaluate(r => window.axe.run(r, { resultTypes: ['violations'] }), root);
      for (const v of result.violations.filter(x => x.impact === 'serious' || x.impact === 'critical'))
        found.add(`${run} ${width} ${scheme} ${where}: ${v.id}: ${v.nodes[0].html.slice(0, 120)} ${v.nodes[0].any.map(a => a.message).join('; ')}`);
    };
    await look('page', 'html');
    if (width === 1440 && run === STALE) {
      for (const key of ['?', 'q']) { await page.keyboard.press(key); await look(key, 'dialog'); await page.keyboard.press('Escape'); }
      await page.click('.filters summary');
      await look('filters', '.toolbar');
    }
    await page.finish();
  }
  assert.deepEqual([...found], []);
});

test('nothing is wider than the screen', async () => {
  for (const width of [390, 1024, 1440]) {
    const page = await open(STALE, { width });
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), width + ' pixels');
    await page.finish();
  }
});

/* What is asserted is processor time of the page's main thread: other work on this machine must not fail it. */
test('a run of 1,000,000 records opens in under 2 s, and is drawn in under a thirtieth of a second', async t => {
  const file = 'million/full.html', size = statSync(RUNS + '/' + file).size, frames = 90;
  assert.ok(size <= 4e6 && size > 3.5e6, size + ' bytes');
  const page = await open(file, { measured: true });
  const spent = async () => (await page.session.send('Performance.getMetrics')).metrics.find(m => m.name === 'TaskDuration').value * 1000;
  const [ready, painted] = await page.evaluate(() => new Promise(done => requestAnimationFrame(() => setTimeout(() =>
    done([performance.now(), performance.getEntriesByName('first-contentful-paint')[0].startTime])))));
  const opened = await spent();
  await page.focus('.diagram');
  const before = await spent();
  const took = await page.evaluate(count => new Promise(done => {
    const d = document.querySelector('.diagram'), start = performance.now();
    let n = 0;
    const turn = () => {
      d.dispatchEvent(new WheelEvent('wheel', { deltaY: n % 40 < 20 ? 30 : -30, clientX: 900, clientY: 500, ctrlKey: true, cancelable: true }));
      d.dispatchEvent(new WheelEvent('wheel', { deltaX: n % 30 < 15 ? 40 : -40, cancelable: true }));
      if (++n < count) requestAnimationFrame(turn); else done(performance.now() - start);
    };
    requestAnimationFrame(turn);
  }), frames);
  const frame = (await spent() - before) / frames;
  await page.finish();
  t.diagnostic(`opened in ${ready.toFixed(0)} ms (${opened.toFixed(0)} ms of processor), first paint after ${painted.toFixed(0)} ms; ` +
               `${(frames / took * 1000).toFixed(0)} frames a second (${frame.toFixed(1)} ms of processor each)`);
  assert.ok(opened < 2000, opened + ' ms');
  assert.ok(frame < 1000 / 30, frame + ' ms');
});
