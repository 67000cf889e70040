import { createRoute, lazyRouteComponent } from '@tanstack/react-router'
import { type Area, rootRoute } from '../parts/area.ts'
import { Basket } from './basket.tsx'

/** The review of what waits, and the basket of it in the header of every page. */
export const change: Area = {
  routes: [
    createRoute({
      getParentRoute: () => rootRoute,
      path: '/changes/new',
      component: lazyRouteComponent(() => import('./review-page.tsx'), 'ReviewPage'),
    }),
  ],
  header: Basket,
}
