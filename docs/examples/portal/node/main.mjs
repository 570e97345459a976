import { portalLink } from './link.mjs';

console.log(await portalLink(process.argv[2], process.argv[3]));
