import { Link, Route, Switch } from 'wouter';
import { DropTarget } from './components/drop-target';
import { Header } from './components/header';
import { useLiveUpdates } from './lib/live';
import { AddPage } from './pages/add';
import { LibraryPage } from './pages/library';
import { PhotoPage } from './pages/photo';
import { SearchPage } from './pages/search';
import { StatusPage } from './pages/status';

export function App() {
  useLiveUpdates();
  return (
    <>
      <Header />
      <main id="main" className="mx-auto max-w-7xl px-4 py-6">
        <Switch>
          <Route path="/" component={SearchPage} />
          <Route path="/add" component={AddPage} />
          <Route path="/library" component={LibraryPage} />
          <Route path="/photo/:id">{({ id }) => <PhotoPage key={id} id={id} />}</Route>
          <Route path="/status" component={StatusPage} />
          <Route>
            <h1>There is no such page</h1>
            <Link href="/" className="link mt-2 inline-block">
              Search
            </Link>
          </Route>
        </Switch>
      </main>
      <DropTarget />
    </>
  );
}
