import { describe, expect, it } from 'vitest'
import { checkSpec } from '../../../test/helpers/config-documents.ts'

describe('WasmPlugin', () => {
  const url = (text: string) => checkSpec('extensions.istio.io/v1alpha1', 'WasmPlugin', `{url: "${text}"}`)
  it.each(['ghcr.io/a/b:v1', 'oci://localhost:5000/a', '10.0.0.1:5000/a', '/opt/a.wasm'])(
    'is fetched from %s',
    (text) => expect(url(text)).toEqual([]),
  )
  it.each(['localhost:5000/a', 'ftp://a/b', 'a b'])('is not fetched from %s', (text) =>
    expect(url(text)).toEqual(['FIELD_VALUE spec.url']),
  )
})
