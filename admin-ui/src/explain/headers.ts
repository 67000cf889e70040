/** Lines `name: value` (or `name=value`) as the API takes them, `name=value`. Lines without a name are left out. */
export function headerList(text: string): readonly string[] {
  return text.split('\n').flatMap((line) => {
    const found = /^\s*([^\s:=]+)\s*[:=]\s*(.*?)\s*$/.exec(line)
    return found ? [`${found[1]!.toLowerCase()}=${found[2]}`] : []
  })
}
