/** A document for `kubectl apply`, as a command to paste into a shell. */
export function asKubectl(document: string): string {
  return heredoc('kubectl apply -f -', document)
}

/** The plan of a file as a request to the API, as a command to paste into a shell. Scripts add `-H "authorization: Bearer $MESHGATE_TOKEN"`. */
export function asCurl(origin: string, file: string, text: string, base: number): string {
  const body = JSON.stringify({ base, changes: [{ file, text }] })
  return heredoc(`curl -sS ${origin}/api/v1/plan -H 'content-type: application/json' --data-binary @-`, body)
}

function heredoc(command: string, text: string): string {
  let mark = 'EOF'
  while (text.split('\n').includes(mark)) mark += '_'
  return `${command} <<'${mark}'\n${text.endsWith('\n') ? text : `${text}\n`}${mark}\n`
}
