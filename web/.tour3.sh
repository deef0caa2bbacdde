export STUB=1; look() { node web/.look.mjs "$@"; }
W="await page.waitForTimeout(2500)"
D=/work/wt/ui/.dev; URL=$1; T=/work/shared/testdata
look $URL $D/s1.png "await page.goto(url+'/search'); await page.waitForTimeout(500); await page.setInputFiles('#search-photo', '$T/people/obama_2.jpg'); $W; await page.getByRole('button',{name:'Weak'}).click(); $W"
OPT='{"viewport":{"width":360,"height":740},"locale":"de-DE"}' look $URL $D/p1.png "await page.goto(url); $W"
OPT='{"viewport":{"width":360,"height":740},"locale":"de-DE","colorScheme":"dark"}' look $URL $D/p2.png "await page.goto(url+'/system'); $W; await page.getByRole('button',{name:/Menü/}).click(); await page.waitForTimeout(300)"
OPT='{"viewport":{"width":360,"height":740},"locale":"de-DE","colorScheme":"dark"}' look $URL $D/p3.png "await page.goto(url+'/search'); await page.waitForTimeout(500); await page.setInputFiles('#search-photo', '$T/people/obama_2.jpg'); $W; await page.mouse.wheel(0,600); $W"
OPT='{"colorScheme":"dark"}' look $URL $D/u1.png "await page.goto(url); await page.setInputFiles('#add-files', ['$T/people/obama_2.jpg','$T/people/biden_1.jpg','/work/wt/ui/README.md']); $W; await page.getByRole('link',{name:/gauss/}).hover(); await page.getByLabel('Select gauss.png').check();  $W"
