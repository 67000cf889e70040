/**
 * The scheme of a URI as Go's `url.ParseRequestURI` reads it, empty for a rooted path; undefined when it reads none. Istio's rules for
 * URLs are made of this function, and it takes more than the URL parser of JavaScript and less: https://pkg.go.dev/net/url#ParseRequestURI
 */
export function requestUriScheme(value: string): string | undefined {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is refused
  if (value === '' || /[\u0000-\u001f\u007f]/.test(value)) return undefined
  if (value === '*') return ''
  if (value.startsWith(':')) return undefined
  const scheme = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(value)?.[1] ?? ''
  const rest = value.slice(scheme === '' ? 0 : scheme.length + 1).replace(/\?.*$/s, '')
  if (!rest.startsWith('/')) return scheme === '' ? undefined : scheme.toLowerCase()
  const authority = rest.startsWith('//') && (scheme !== '' || !rest.startsWith('///'))
  const slash = authority ? rest.indexOf('/', 2) : 0
  const path = slash < 0 ? '' : rest.slice(slash)
  if (badEscape(path)) return undefined
  if (authority && !isAuthority(rest.slice(2, slash < 0 ? undefined : slash))) return undefined
  return scheme.toLowerCase()
}

function badEscape(text: string): boolean {
  return /%(?![0-9a-fA-F]{2})/.test(text)
}

function isAuthority(authority: string): boolean {
  const at = authority.lastIndexOf('@')
  const user = at < 0 ? '' : authority.slice(0, at)
  if (badEscape(user) || !/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(user)) return false
  const host = authority.slice(at + 1)
  const bracketed = /^\[[^\]]*\](?::\d*)?$/.test(host)
  if (host.startsWith('[')) return bracketed
  const colon = host.lastIndexOf(':')
  const port = colon < 0 ? '' : host.slice(colon + 1)
  // Only bytes above ASCII may be escaped in a host.
  const allowed = /^(?:[A-Za-z0-9\-._~!$&'()*+,;=<>"]|[^\u0020-\u007f]|%[89a-fA-F][0-9a-fA-F])*$/
  return /^\d*$/.test(port) && allowed.test(colon < 0 ? host : host.slice(0, colon))
}
