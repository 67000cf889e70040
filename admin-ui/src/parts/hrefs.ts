/** Addresses of pages that others link to. */

/** The page of a service: its policies, or what its traffic does. */
export const serviceHref = (namespace: string, hostname: string, tab?: 'traffic') =>
  `/services/${encodeURIComponent(namespace)}/${encodeURIComponent(hostname)}${tab ? `?tab=${tab}` : ''}`

/** The page of a proxy by its node id. */
export const proxyHref = (node: string) => `/proxies/${encodeURIComponent(node)}`

/** The page of a revision. */
export const revisionHref = (revision: number) => `/changes/${revision}`

/** The editor of a document `<kind>/<namespace>/<name>`: at a line if one is given, with the part of its form for a field in sight. */
export function documentHref(document: string, line?: number, section?: string): string {
  const [kind = '', namespace = '', ...name] = document.split('/')
  const path = [kind, namespace, name.join('/')].map(encodeURIComponent).join('/')
  const view = [line === undefined ? [] : [`line=${line}`], section === undefined ? [] : [`section=${section}`]].flat()
  return `/rules/${path}/edit${view.length === 0 ? '' : `?${view.join('&')}`}`
}
