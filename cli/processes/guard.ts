import { type ChildProcess, spawn } from 'node:child_process'

/**
 * Ends process groups when this process is gone, however it went: SIGKILL leaves no time for clean-up of our own.
 * A shell (one MB, in a session of its own, so that Ctrl-C does not reach it) reads `+ <group>` and `- <group>` from a pipe;
 * the pipe's end is our end.
 */
const SCRIPT = `trap '' INT TERM HUP
groups=
while read -r sign group; do
  if [ "$sign" = + ]; then groups="$groups $group"; continue; fi
  rest=
  for g in $groups; do [ "$g" = "$group" ] || rest="$rest $g"; done
  groups=$rest
done
[ -n "$groups" ] || exit 0
for g in $groups; do kill -s TERM -- "-$g"; done
sleep 2
for g in $groups; do kill -s KILL -- "-$g"; done`

let shell: ChildProcess | undefined

/** From now on the group ends with this process. */
export function guard(group: number): void {
  if (!shell) {
    shell = spawn('/bin/sh', ['-c', SCRIPT], { detached: true, stdio: ['pipe', 'ignore', 'ignore'] })
    // Without a shell only the last line of defence is missing; the ordinary ways of stopping do not need it.
    shell.on('error', () => {})
    shell.stdin!.on('error', () => {})
    shell.unref()
    ;(shell.stdin as unknown as { unref(): void }).unref()
  }
  shell.stdin!.write(`+ ${group}\n`)
}

/** The group has ended; its number may be given to others. */
export function release(group: number): void {
  shell?.stdin?.write(`- ${group}\n`)
}
