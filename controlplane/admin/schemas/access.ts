import * as is from './parts.ts'

/** JSON schemas of who may do what, and of who did. */

const role = is.one(['viewer', 'editor', 'admin'], 'Viewers read and plan, editors apply, admins manage users.')

export const accessSchemas = [
  is.object(
    'Session',
    'Who is asking.',
    {
      user: is.text('Name; `local` where no users are defined.'),
      role,
      via: is.one(
        ['open', 'session', 'token', 'certificate'],
        'How that is known; open: no users are defined, and this is loopback.',
      ),
      csrf: is.text('To be sent as x-csrf-token with every write of this session.'),
      readOnly: {
        ...is.part({ reason: is.text('Why.'), api: is.text('Where it can be changed, if that is known.') }, ['api']),
        description:
          'Nobody can change the configuration here, whatever their role: another process keeps its history.',
      },
    },
    ['csrf', 'readOnly'],
  ),
  is.object('User', 'Somebody who may log in.', {
    name: is.text('To log in with.'),
    role,
    created: is.moment('When the user was added.'),
  }),
  is.object(
    'Token',
    'A token of a script.',
    {
      id: is.text('To revoke it by; not its secret.'),
      name: is.text('What it is for.'),
      user: is.text('Who made it; absent where no users were defined.'),
      role,
      created: is.moment('When it was made.'),
      expires: is.moment('When it ends; absent: never.'),
    },
    ['user', 'expires'],
  ),
  is.object('AuditEntry', 'Who did or tried what.', {
    id: is.whole('Its number; later ones are greater.'),
    at: is.moment('When.'),
    who: is.text('User or token; empty where that is not known.'),
    peer: is.text('Address it came from.'),
    action: is.text('`POST /api/v1/apply`'),
    outcome: is.one(['done', 'refused', 'failed'], 'What became of it.'),
    detail: is.text('What more there is to say.'),
    times: is.whole('How often the same happened within a moment; counted as one entry.'),
  }),
] as const
