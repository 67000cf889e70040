// Before the first paint, so that a dark screen does not flash. A file of its own: inline scripts are not allowed.
;(() => {
  let chosen = null
  try {
    chosen = localStorage.getItem('meshgate-color-scheme')
  } catch {
    // Storage may be forbidden; the system's choice holds.
  }
  const dark = chosen === 'dark' || (chosen !== 'light' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.setAttribute('data-mantine-color-scheme', dark ? 'dark' : 'light')
})()
