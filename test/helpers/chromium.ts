import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]
const KNOWN_PLACES = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The Chromium to test with: CHROMIUM_BIN, or where systems put it. */
export function findChromium(): string | undefined {
  const named = process.env['CHROMIUM_BIN']
  return [...(named ? [named] : []), ...KNOWN_PLACES].find((path) => existsSync(path))
}

/** A headless Chromium. The caller closes it. @throws Error when there is none */
export async function launchChromium(): Promise<Browser> {
  const executablePath = findChromium()
  if (!executablePath) throw new Error('no Chromium: install it, or set CHROMIUM_BIN')
  return chromium.launch({ executablePath, args: FLAGS, headless: true })
}
