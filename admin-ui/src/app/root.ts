import { createRootRoute } from '@tanstack/react-router'

/** The parent of every page's route; the shell around the pages is set where the router is made. */
export const rootRoute = createRootRoute()
