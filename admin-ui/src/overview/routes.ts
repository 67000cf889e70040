import { IconLayoutDashboard } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import type { Area } from '../app/area.ts'
import { rootRoute } from '../app/root.ts'

export const overview: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/',
      component: lazyRouteComponent(() => import('./overview-page.tsx'), 'OverviewPage'),
    }),
  ],
  nav: { to: '/', label: 'nav.overview', icon: IconLayoutDashboard, key: 'o', order: 0 },
}
