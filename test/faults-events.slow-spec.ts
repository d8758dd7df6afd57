import { scratchFolder } from './support/built-program';
import { expectNothingLost, killWhileWatched } from './support/killed-while-watched';

const folder = scratchFolder();

afterAll(() => folder.remove());

describe('a program that is killed thirty times under load', () => {
  it('still has every entry that an event ever showed, and goes on behind the last one', async () => {
    expectNothingLost(await killWhileWatched(folder.path, 30));
  }, 1_200_000);
});
