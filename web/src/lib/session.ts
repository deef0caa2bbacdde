import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { api, ApiError, ask, keepSession, onUnauthorized } from '../api/client';
import type { Scope, Session } from '../api/schema.gen';

const SESSION = ['session'];
const RANK: Record<Scope, number> = { read: 0, write: 1, admin: 2 };

const askSession = async (signal: AbortSignal): Promise<Session> =>
  keepSession(await ask(api.GET('/v1/session', { signal })));

/** Who uses the page. Asked once, and again whenever the server says 401. */
export function useSession() {
  const client = useQueryClient();
  useEffect(() => onUnauthorized(() => void client.invalidateQueries({ queryKey: SESSION })), [client]);
  return useQuery({
    queryKey: SESSION,
    queryFn: ({ signal }) => askSession(signal),
    staleTime: Infinity,
    retry: (_, error) => error instanceof ApiError && error.status === 503,
  });
}

/** After login, logout and the like: all that was read belongs to who was there before. */
export function useNewSession() {
  const client = useQueryClient();
  return async (session?: Session) => {
    if (session) client.setQueryData(SESSION, keepSession(session));
    client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== SESSION[0] });
    await client.invalidateQueries({ queryKey: SESSION });
  };
}

/** Whether the user may do what needs this scope. */
export function useMay(scope: Scope): boolean {
  const { data } = useSession();
  const own = data?.user?.scope;
  return own !== undefined && RANK[own] >= RANK[scope];
}
