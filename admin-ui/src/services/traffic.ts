/** The host in `outbound|<port>|<subset>|<host>`; a cluster that came back on demand has `~<number>` behind it. */
export function hostOfCluster(cluster: string): string | undefined {
  return cluster.split('|')[3]?.replace(/~\d+$/, '')
}

/** Where figures of the last minutes come from: counters of some proxies, or load reports alone. */
export function figuresFrom({ reading }: { readonly reading: readonly string[] }): 'counters' | 'reports' {
  return reading.length > 0 ? 'counters' : 'reports'
}
