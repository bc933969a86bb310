import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { chromiumPath, openBrowser, withBrowser } from '../support/browser.ts';
import { TestApi } from './support.ts';

describe.skipIf(chromiumPath === undefined)(`/docs ${withBrowser}`, () => {
  let api: TestApi;
  let browser: Browser;
  let page: Page;
  const called: string[] = [];
  const complaints: string[] = [];

  beforeAll(async () => {
    api = await TestApi.start();
    browser = await openBrowser();
    page = await browser.newPage();
    page.on('request', (request) => called.push(request.url()));
    page.on('console', (message) => complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  });
  afterAll(async () => {
    await browser.close();
    await api[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    complaints.length = 0;
    await page.goto(`http://127.0.0.1:${api.port}/docs`);
    called.length = 0;
  });

  /** The part of the page about a route, its form open. */
  async function open(id: string) {
    const section = page.locator(`#${id}`);
    await section.getByText('Try it').click();
    return section;
  }

  test('needs nothing from elsewhere, and breaks none of its own rules', async () => {
    called.length = 0;
    await page.reload();
    expect(called).toEqual([`http://127.0.0.1:${api.port}/docs`]);
    expect(complaints).toEqual([]);
  });

  test('sends a policy as it stands there, with the keyboard alone', async () => {
    await page.locator('#post-api-v1-policies summary', { hasText: 'Try it' }).focus();
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Control+A');
    await page.keyboard.type('["from the page"]');
    await page.keyboard.press('Control+Enter');
    const output = page.locator('#post-api-v1-policies output');
    await output.getByText('201 Created').waitFor();
    expect(await output.textContent()).toContain("policy 'from the page' was started");
    expect(api.registry.applied.at(-1)).toMatchObject({ provenance: 'loopback' });
    expect(complaints).toEqual([]);
  });

  test('puts parameters where they belong', async () => {
    const section = await open('put-api-v1-policies-name-');
    await section.getByLabel('name').fill('a/b ☃');
    await section.getByLabel('cancel').selectOption('true');
    await section.getByLabel('Body').fill('same');
    await section.getByRole('button', { name: 'Send' }).click();
    await section.getByText('201 Created').waitFor();
    expect(api.registry.replacements.at(-1)).toEqual({ name: 'a/b ☃', document: 'same', cancelRuns: true });
    expect(new URL(called.at(-1) ?? '').pathname).toBe('/api/v1/policies/a%2Fb%20%E2%98%83');
  });

  test('runs a policy now, and shows where its run is', async () => {
    await api.post(['edge']);
    const section = await open('post-api-v1-policies-name-runs');
    await section.getByLabel('name').fill('edge');
    await page.keyboard.press('Enter');
    await section.getByText('202 Accepted').waitFor();
    const text = (await section.locator('output').textContent()) ?? '';
    expect(text).toMatch(/location: \/api\/v1\/runs\/[0-9a-f-]{36}/);
    expect(text).toContain('\n  "trigger": "submit",\n');
  });

  test('asks for what a route cannot do without', async () => {
    const section = await open('get-api-v1-policies-name-');
    await section.getByRole('button', { name: 'Send' }).click();
    expect(called).toEqual([]);
    await section.getByLabel('name').fill('nobody');
    await section.getByRole('button', { name: 'Send' }).click();
    await section.getByText('404 Not Found').waitFor();
    expect(await section.locator('output').textContent()).toContain("policy 'nobody' not found");
  });

  test('shows large numbers digit by digit, and text as text', async () => {
    const section = await open('get-api-v1-status');
    await section.getByRole('button', { name: 'Send' }).click();
    await section.getByText('200 OK').waitFor();
    expect(await section.locator('output').textContent()).toContain('"version": "1.2.3",\n');
    const page = await open('get-docs');
    await page.getByRole('button', { name: 'Send' }).click();
    await page.getByText('200 OK').waitFor();
    expect(await page.locator('output pre').textContent()).toContain('<!doctype html>');
  });

  test('says so when nobody answers', async () => {
    await using other = await TestApi.start();
    const lonely = await browser.newPage();
    await lonely.goto(`http://127.0.0.1:${other.port}/docs`);
    await other.api.close();
    const section = lonely.locator('#get-healthz');
    await section.getByText('Try it').click();
    await section.getByRole('button', { name: 'Send' }).click();
    await section.getByText('No answer').waitFor();
    await lonely.close();
  });

  test('can be read without a script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const plain = await context.newPage();
    await plain.goto(`http://127.0.0.1:${api.port}/docs`);
    expect(await plain.getByText('Try it').first().isVisible()).toBe(false);
    expect(await plain.getByRole('heading', { name: 'PUT /api/v1/policies/{name}' }).isVisible()).toBe(true);
    await context.close();
  });
});
