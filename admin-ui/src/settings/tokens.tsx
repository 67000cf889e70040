import {
  Alert,
  Button,
  Card,
  Code,
  Group,
  NumberInput,
  Select,
  Stack,
  Table,
  Text,
  TextInput,
  Title,
} from '@mantine/core'
import { IconKey } from '@tabler/icons-react'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, ask } from '../api/client.ts'
import { queries } from '../api/queries.ts'
import type { Session } from '../api/schema.ts'
import { Copy } from '../parts/copy.tsx'
import { notifyProblem, ProblemAlert } from '../parts/problem.tsx'
import { Time } from '../parts/time.tsx'

const ROLES = ['viewer', 'editor', 'admin'] as const

/** Tokens for scripts: a secret is shown this once. */
export function Tokens({ session }: { readonly session: Session }) {
  return (
    <Stack maw={920}>
      <NewToken mine={session.role} />
      <TokenTable />
    </Stack>
  )
}

/** Makes a token of a role that is not above one's own, and shows its secret. */
function NewToken({ mine }: { readonly mine: Session['role'] }) {
  const { t } = useTranslation('settings')
  const { t: common } = useTranslation()
  const client = useQueryClient()
  const [name, setName] = useState('')
  const [role, setRole] = useState<Session['role']>('viewer')
  const [days, setDays] = useState<number | undefined>(90)
  const create = useMutation({
    mutationFn: () =>
      ask(api.POST('/api/v1/tokens', { body: { name: name.trim(), role, ...(days === undefined ? {} : { days }) } })),
    onSuccess: () => {
      setName('')
      void client.invalidateQueries({ queryKey: ['tokens'] })
    },
  })
  return (
    <Card withBorder>
      <Title order={2} mb="sm">
        {t('newToken')}
      </Title>
      <form
        onSubmit={(event) => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <Group align="flex-end">
          <TextInput
            label={t('name')}
            placeholder="ci"
            required
            pattern="[A-Za-z0-9][A-Za-z0-9._\-]{0,63}"
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
          />
          <Select
            label={t('role')}
            allowDeselect={false}
            w={150}
            data={ROLES.slice(0, ROLES.indexOf(mine) + 1).map((value) => ({
              value,
              label: common(`role.${value}`),
            }))}
            value={role}
            onChange={(value) => setRole((value ?? 'viewer') as Session['role'])}
          />
          <NumberInput
            label={t('days')}
            w={150}
            min={1}
            max={3650}
            placeholder={t('never')}
            value={days ?? ''}
            onChange={(value) => setDays(value === '' ? undefined : Number(value))}
          />
          <Button type="submit" loading={create.isPending} leftSection={<IconKey size={16} />}>
            {t('create')}
          </Button>
        </Group>
      </form>
      {create.error && <ProblemAlert error={create.error} />}
      {create.data && (
        <Alert mt="md" color="teal" title={t('secretOnce')}>
          <Group wrap="nowrap">
            <Code>{create.data.secret}</Code>
            <Copy value={create.data.secret} />
          </Group>
        </Alert>
      )}
    </Card>
  )
}

/** The tokens there are, and the way to end one. */
function TokenTable() {
  const { t } = useTranslation('settings')
  const { t: common } = useTranslation()
  const client = useQueryClient()
  const { data } = useQuery(queries.tokens())
  const revoke = useMutation({
    mutationFn: (id: string) => ask(api.DELETE('/api/v1/tokens/{id}', { params: { path: { id } } })),
    onSuccess: () => client.invalidateQueries({ queryKey: ['tokens'] }),
    onError: notifyProblem,
  })
  return (
    <Card withBorder padding={0}>
      <Table>
        <Table.Thead>
          <Table.Tr>
            {(['name', 'user', 'role', 'created', 'expires'] as const).map((column) => (
              <Table.Th key={column}>{t(column)}</Table.Th>
            ))}
            <Table.Th aria-label={t('revoke')} />
          </Table.Tr>
        </Table.Thead>
        <Table.Tbody>
          {data?.map((token) => (
            <Table.Tr key={token.id}>
              <Table.Td fw={550}>{token.name}</Table.Td>
              <Table.Td>{token.user ?? '–'}</Table.Td>
              <Table.Td>{common(`role.${token.role}`)}</Table.Td>
              <Table.Td>
                <Time at={token.created} />
              </Table.Td>
              <Table.Td>{token.expires ? <Time at={token.expires} /> : t('never')}</Table.Td>
              <Table.Td ta="right">
                <Button
                  size="compact-xs"
                  variant="subtle"
                  color="red"
                  aria-label={t('revokeToken', { name: token.name })}
                  onClick={() => revoke.mutate(token.id)}
                >
                  {t('revoke')}
                </Button>
              </Table.Td>
            </Table.Tr>
          ))}
        </Table.Tbody>
      </Table>
      {data?.length === 0 && (
        <Text c="dimmed" p="md">
          {t('noTokens')}
        </Text>
      )}
    </Card>
  )
}
