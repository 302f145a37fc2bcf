/** What is shown of a secret: `***` below 16 characters, otherwise the first 3 and the last 4 (`sk-...1234`). */
export function maskValue(value: string): string {
  const characters = [...value];
  if (characters.length < shortestShown) {
    return "***";
  }
  return `${characters.slice(0, 3).join("")}...${characters.slice(-4).join("")}`;
}

const shortestShown = 16;
