const KNOWN = new Set(
  (
    'ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256 ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384 ' +
    'ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305 ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA ' +
    'ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA AES128-GCM-SHA256 AES256-GCM-SHA384 AES128-SHA AES256-SHA DES-CBC3-SHA'
  ).split(' '),
)

/** Whether BoringSSL knows a cipher suite by this name; groups and expressions (`[...]`, `-ALL`) are left to Envoy. */
export function cipherSuiteKnown(name: string): boolean {
  return name === '' || name === 'ALL' || !/^[\p{L}\p{N}]/u.test(name) || KNOWN.has(name)
}

/** The suites of a list that count: Envoy refuses a whole listener for one it does not know. */
export function usableCipherSuites(names: readonly string[]): readonly string[] {
  return [...new Set(names)].filter(cipherSuiteKnown)
}
