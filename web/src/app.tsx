import { lazy, Suspense } from 'react';
import { Redirect, Route, Switch, useLocation } from 'wouter';
import { Notices } from './components/notices';
import { ErrorNote, Loading } from './components/notes';
import { Boundary, MissingPage } from './components/page';
import { Shell } from './components/shell';
import { useLanguage } from './lib/i18n';
import { useLiveUpdates } from './lib/live';
import { useSession } from './lib/session';
import { LibraryPage } from './pages/library';

const MediaPage = lazy(async () => ({ default: (await import('./pages/media')).MediaPage }));
const SearchPage = lazy(async () => ({ default: (await import('./pages/search')).SearchPage }));
const TasksPage = lazy(async () => ({ default: (await import('./pages/tasks')).TasksPage }));
const SystemPages = lazy(async () => ({ default: (await import('./pages/system')).SystemPages }));
const DocsPage = lazy(async () => ({ default: (await import('./pages/docs')).DocsPage }));
const LoginPage = lazy(async () => ({ default: (await import('./pages/login')).LoginPage }));
const SetupPage = lazy(async () => ({ default: (await import('./pages/login')).SetupPage }));

function Pages() {
  useLiveUpdates();
  const [path] = useLocation();
  return (
    <Shell>
      <Boundary key={path}>
        <Suspense fallback={<Loading />}>
          <Switch>
            <Route path="/" component={LibraryPage} />
            <Route path="/media/:id">{({ id }) => <MediaPage key={id} id={id} />}</Route>
            <Route path="/search">
              <SearchPage saved={null} />
            </Route>
            <Route path="/search/saved/:id">{({ id }) => <SearchPage key={id} saved={id} />}</Route>
            <Route path="/tasks" component={TasksPage} />
            <Route path="/system/*?" component={SystemPages} />
            <Route path="/cache" component={SystemPages} />
            <Route path="/docs" component={DocsPage} />
            <Route path="/setup">
              <Redirect to="/system/access" replace />
            </Route>
            <Route component={MissingPage} />
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  );
}

/** Login and first run are shown in place of the page that was asked for, and then it is there. */
function Door() {
  const { data: session, error, refetch } = useSession();
  if (session?.setup_required) return <SetupPage />;
  if (session?.login_required && !session.authenticated) return <LoginPage />;
  if (session) return <Pages />;
  return (
    <main className="mx-auto max-w-lg p-6">
      {error ? <ErrorNote error={error} retry={() => void refetch()} /> : <Loading rows={1} />}
    </main>
  );
}

export function App() {
  useLanguage();
  return (
    <>
      <Suspense fallback={null}>
        <Door />
      </Suspense>
      <Notices />
    </>
  );
}
