import { IconTopologyStar3 } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const topology: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/topology',
      component: lazyRouteComponent(() => import('./topology-page.tsx'), 'TopologyPage'),
    }),
  ],
  nav: { to: '/topology', label: 'nav.topology', icon: IconTopologyStar3, key: 't', order: 50 },
}
