/** Addresses of pages that others link to. */

export const serviceHref = (namespace: string, hostname: string) =>
  `/services/${encodeURIComponent(namespace)}/${encodeURIComponent(hostname)}`

export const proxyHref = (node: string) => `/proxies/${encodeURIComponent(node)}`

export const revisionHref = (revision: number) => `/changes/${revision}`

/** The editor of a document `<kind>/<namespace>/<name>`, at a line if one is given. */
export function documentHref(document: string, line?: number): string {
  const [kind = '', namespace = '', ...name] = document.split('/')
  const path = [kind, namespace, name.join('/')].map(encodeURIComponent).join('/')
  return `/rules/${path}/edit${line === undefined ? '' : `?line=${line}`}`
}
