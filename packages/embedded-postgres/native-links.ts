import { existsSync, readFileSync, symlinkSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** Makes the links that npm packages cannot carry; the package's install script may not have run. False where it cannot. */
export function completeLinks(folder: string): boolean {
  const listed = readFileSync(join(folder, "pg-symlinks.json"), "utf8");
  const links = JSON.parse(listed) as readonly { readonly source: string; readonly target: string }[];
  for (const { source, target } of links) {
    const link = join(folder, relative("native", target));
    if (existsSync(link)) {
      continue;
    }
    try {
      symlinkSync(relative(dirname(target), source), link);
    } catch (error) {
      // Another start may have made it meanwhile.
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") {
        return false;
      }
    }
  }
  return true;
}
