/**
 * Whether an error says that the browser did not get a file of the pages: the control plane is away, or serves others meanwhile. Browsers and
 * the loader have no type for it, only these words.
 */
export function failedToLoad(error: unknown): boolean {
  return (
    error instanceof Error &&
    /unable to preload css|dynamically imported module|importing a module script failed/i.test(error.message)
  )
}
