// One of many starts in the same second: prints whether it got the lease, then holds it until stdin ends.
import { currentOwner, openJournal, ownerIsGone } from '../../../dist/core/state/index.js';

const [path, name] = process.argv.slice(2);
const journal = await openJournal(path);
const lease = await journal.acquireLease(name, currentOwner(), Date.now(), 60_000, ownerIsGone);
process.stdout.write(lease === undefined ? 'lost\n' : `won ${lease.token}\n`);
process.stdin.on('end', () => process.exit(0)).resume();
