import { expect, it } from 'vitest'
import { failedToLoad } from './failed-to-load.ts'

it.each([
  'Unable to preload CSS for http://127.0.0.1:18080/assets/Checkbox-D6o9J9NR.css',
  'Failed to fetch dynamically imported module: http://127.0.0.1:18080/assets/review-page.js',
  'error loading dynamically imported module: http://127.0.0.1:18080/assets/review-page.js',
  'Importing a module script failed.',
])('%s', (message) => expect(failedToLoad(new Error(message))).toBe(true))

it('a page that threw by itself was loaded', () => {
  expect(failedToLoad(new Error("Cannot read properties of undefined (reading 'map')"))).toBe(false)
  expect(failedToLoad('Importing a module script failed.')).toBe(false)
})
