import { ActionIcon, AppShell, Burger, Group, Loader, NavLink, ScrollArea, Text, Tooltip } from '@mantine/core'
import { useDisclosure } from '@mantine/hooks'
import { IconKeyboard } from '@tabler/icons-react'
import { useIsFetching } from '@tanstack/react-query'
import { Outlet, useRouterState } from '@tanstack/react-router'
import { type ReactNode, type RefObject, Suspense, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { AppLink, RouterLink } from '../parts/link.tsx'
import { usePageTitle } from '../parts/page-title.ts'
import { CommandPalette } from './command-palette.tsx'
import { KeyList } from './key-list.tsx'
import { LanguageSwitch } from './language-switch.tsx'
import { LiveBadge } from './live-badge.tsx'
import { Logo } from './logo.tsx'
import { ReadOnlyHere } from './read-only-here.tsx'
import { areas } from './routes.ts'
import { SchemeSwitch } from './scheme-switch.tsx'
import { useShortcuts } from './shortcuts.ts'
import { UserMenu } from './user-menu.tsx'

/** Header and navigation around every page. */
export function Shell() {
  const { t } = useTranslation()
  const [opened, { toggle, close }] = useDisclosure()
  const path = useRouterState({ select: ({ location }) => location.pathname })
  const [keys, { open: showKeys, close: hideKeys }] = useDisclosure()
  useShortcuts(showKeys)
  const items = areas.flatMap(({ nav }) => nav ?? []).sort((a, b) => a.order - b.order)
  return (
    <AppShell
      header={{ height: 54 }}
      navbar={{ width: 212, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', md: 'xl' }}
    >
      <a className="skip" href="#content">
        {t('nav.skip')}
      </a>
      <PageTitle />
      <KeyList items={items} opened={keys} onClose={hideKeys} />
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={opened} onClick={toggle} hiddenFrom="sm" size="sm" aria-label={t('nav.menu')} />
            <AppLink href="/" c="inherit" underline="never" aria-label="meshgate">
              <Logo />
            </AppLink>
            <Busy />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <CommandPalette items={items} />
            {areas.map(({ header: Item, routes }) => Item && <Item key={routes[0]?.id ?? routes[0]?.path} />)}
            <LiveBadge />
            <Group gap="xs" wrap="nowrap" visibleFrom="md">
              <Tooltip label={`${t('keys.title')} (?)`}>
                <ActionIcon variant="subtle" color="gray" size="lg" aria-label={t('keys.title')} onClick={showKeys}>
                  <IconKeyboard size={18} stroke={1.6} />
                </ActionIcon>
              </Tooltip>
              <LanguageSwitch />
              <SchemeSwitch />
            </Group>
            <UserMenu />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label={t('nav.label')}>
        <AppShell.Section grow component={ScrollArea}>
          {items.map(({ to, label, icon: Icon, key }) => {
            const active = to === '/' ? path === '/' : path === to || path.startsWith(`${to}/`)
            return (
              <NavLink
                key={to}
                component={RouterLink}
                href={to}
                active={active}
                aria-current={active ? 'page' : undefined}
                label={t(label)}
                leftSection={<Icon size={18} stroke={1.6} />}
                rightSection={
                  <Text size="xs" c="dimmed" ff="monospace" aria-hidden visibleFrom="sm">
                    g {key}
                  </Text>
                }
                onClick={close}
                style={{ borderRadius: 'var(--mantine-radius-md)', marginBottom: 2 }}
              />
            )
          })}
        </AppShell.Section>
      </AppShell.Navbar>
      <Content>
        <ReadOnlyHere />
        <Suspense fallback={<Loader aria-label={t('loading')} />}>
          <Outlet />
        </Suspense>
      </Content>
    </AppShell>
  )
}

/** Says which page came, to those who do not see it. Alone, as `Busy`. */
function PageTitle() {
  return (
    <div role="status" className="unseen">
      {usePageTitle()}
    </div>
  )
}

/** Keeps the focus on the page where what had it went with the page before: the next Tab leads on from there. */
function useKeptFocus(content: RefObject<HTMLElement | null>) {
  const path = useRouterState({ select: ({ resolvedLocation }) => resolvedLocation?.pathname })
  const before = useRef(path)
  useEffect(() => {
    const first = before.current === undefined || before.current === path
    before.current = path
    if (!first && document.activeElement === document.body) content.current?.focus({ preventScroll: true })
  }, [path, content])
}

/** Says so while something of it is read for the first time: who cannot see it is told to wait. Alone, as `Busy`. */
function Content({ children }: { readonly children: ReactNode }) {
  const reads = useIsFetching({ predicate: ({ state }) => state.status === 'pending' })
  const content = useRef<HTMLElement>(null)
  useKeptFocus(content)
  return (
    <AppShell.Main ref={content} id="content" tabIndex={-1} aria-busy={reads > 0}>
      {children}
    </AppShell.Main>
  )
}

/** Alone, so that the shell is not rendered with each step of the router. */
function Busy() {
  const { t } = useTranslation()
  const loading = useRouterState({ select: ({ status }) => status === 'pending' })
  return loading && <Loader size="xs" aria-label={t('loading')} />
}
