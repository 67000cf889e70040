import { IconStack2 } from '@tabler/icons-react'
import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'

export const services: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/services',
      component: lazyRouteComponent(() => import('./services-page.tsx'), 'ServicesPage'),
    }),
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/services/$namespace/$hostname',
      component: lazyRouteComponent(() => import('./service-page.tsx'), 'ServicePage'),
    }),
  ],
  nav: { to: '/services', label: 'nav.services', icon: IconStack2, key: 's', order: 10 },
}
