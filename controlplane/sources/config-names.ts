/** Whether a name below a root can be configuration: `.yaml`, `.yml` or `.json`, neither hidden nor an editor's or npm's file. */
export function isConfigName(name: string): boolean {
  return !isIgnoredName(name) && /\.(?:ya?ml|json)$/i.test(name)
}

/**
 * Hidden names, what editors leave while they work (`.x.swp`, `x~`, `#x#`, `4913`, `x.tmp`, `x___jb_tmp___`), and what npm keeps in the
 * folder it is used in.
 */
export function isIgnoredName(name: string): boolean {
  return /^(?:node_modules|package(?:-lock)?\.json|npm-shrinkwrap\.json)$|^\.|~$|^#.*#$|^4913$|\.(?:sw[a-z]|tmp|bak|orig|rej)$|___jb_(?:tmp|old)___$/i.test(
    name,
  )
}
