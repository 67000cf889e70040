import { expect, test } from 'vitest'
import { contents, placeOf, programText, whereItIs } from './summary.ts'

test('a folder without documents is told where one with some is', () => {
  expect(contents(0, 0)).toMatch(/^no documents yet; .*meshgate up .*examples\/quickstart --envoy$/)
  expect(contents(0, 1)).toBe('0 objects, 1 error')
  expect(contents(2, 0)).toBe('2 objects, 0 errors')
})

test('what to try names the folder as it was given', () => {
  const text = 'node examples/messages/arena.mjs ask\nsed examples/messages/routes.yaml\n'
  expect(whereItIs(text, 'node_modules/meshgate/examples/messages')).toBe(
    'node node_modules/meshgate/examples/messages/arena.mjs ask\nsed node_modules/meshgate/examples/messages/routes.yaml',
  )
  expect(whereItIs(text, 'examples/messages')).toBe(text.trimEnd())
})

test.each([
  ['127.0.1.1_9090', [{ host: '127.0.1.1', port: 9090 }]],
  ['0.0.0.0_7000', [{ host: '127.0.0.1', port: 7000 }]],
  ['::_7000', [{ host: '::1', port: 7000 }]],
  ['::1_7000', [{ host: '::1', port: 7000 }]],
  ['unix:///run/a_1', []],
])('a listener %s is waited for where it is', (name, places) => {
  expect(placeOf(name)).toEqual(places)
})

test('a program that failed is not called running, though somebody else answers on its port', () => {
  expect(programText({ running: true, failures: 0, reason: undefined }, undefined)).toBe('running')
  expect(programText({ running: true, failures: 0, reason: undefined }, 8080)).toBe('nothing on 127.0.0.1:8080 yet')
  const reason = 'ended with exit code 1'
  expect(programText({ running: false, failures: 2, reason }, undefined)).toBe(
    'ended with exit code 1; it is started again, its log is above',
  )
  expect(programText({ running: true, failures: 2, reason }, undefined)).toBe(
    'failed 2 times (ended with exit code 1), runs again; its log is above',
  )
})
