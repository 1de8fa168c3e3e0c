"""English words whose reading the sentence, the capitals or the accents decide."""

from __future__ import annotations

import unicodedata

import pytest

from gsv_lab.text import SYMBOLS, en, lexicon, phonemize, tables_en
from gsv_lab.text.readers_en import plural
from gsv_lab.text.words_en import ACCENTED, EXTRA, SENSES

READINGS = """
Please close the window.                 | close      | K L OW1 Z
Please record it now.                    | record     | R IH0 K AO1 R D / R AH0 K AO1 R D
Please use the door.                     | use        | Y UW1 Z
Let us record the song.                  | record     | R AH0 K AO1 R D
Let's close the shop.                    | close      | K L OW1 Z
Don't close your eyes.                   | close      | K L OW1 Z
Now close your eyes.                     | close      | K L OW1 Z
First, close the lid.                    | close      | K L OW1 Z
Stop and close the door.                 | close      | K L OW1 Z
Never use the lift.                      | use        | Y UW1 Z
Present your ticket.                     | present    | P R IY0 Z EH1 N T
Kindly permit me to speak.               | permit     | P ER0 M IH1 T
Help me record this.                     | record     | R AH0 K AO1 R D
Then record your voice.                  | record     | R AH0 K AO1 R D
Wind the wool into a ball.               | wind       | W AY1 N D
She objects to it.                       | objects    | AH0 B JH EH1 K T S
Those objects are old.                   | objects    | AA1 B JH EH0 K T S
He permits it.                           | permits    | P ER0 M IH1 T S
We need building permits.                | permits    | P ER1 M IH2 T S
He contracts the flu.                    | contracts  | K AH0 N T R AE1 K T S
The contracts are signed.                | contracts  | K AA1 N T R AE2 K T S
She produces films.                      | produces   | P R AH0 D UW1 S IH0 Z
The company projects growth.             | projects   | P R AH0 JH EH1 K T S
Two projects failed.                     | projects   | P R AA1 JH EH0 K T S
It has many uses.                        | uses       | Y UW1 S IH0 Z
He excuses himself.                      | excuses    | IH0 K S K Y UW1 Z IH0 Z
No more excuses.                         | excuses    | IH0 K S K Y UW1 S IH0 Z
She rejects the plan.                    | rejects    | R IH0 JH EH1 K T S
He rebels against them.                  | rebels     | R IH0 B EH1 L Z
The rebels won.                          | rebels     | R EH1 B AH0 L Z
He estimates the cost.                   | estimates  | EH1 S T AH0 M EY2 T S
The estimates are low.                   | estimates  | EH1 S T AH0 M AH0 T S
The committee conducts tests.            | conducts   | K AA0 N D AH1 K T S
Critics contest the claim.               | contest    | K AH0 N T EH1 S T
They export rice.                        | export     | EH0 K S P AO1 R T / IH0 K S P AO1 R T
She exports rice.                        | exports    | EH0 K S P AO1 R T S / IH0 K S P AO1 R T S
Our exports grew.                        | exports    | EH1 K S P AO0 R T S
They frequent the pub.                   | frequent   | F R IY0 K W EH1 N T
He frequents bars.                       | frequents  | F R IY0 K W EH1 N T S
We have frequent visitors.               | frequent   | F R IY1 K W AH0 N T
They entrance him.                       | entrance   | EH0 N T R AE1 N S
The entrance is here.                    | entrance   | EH1 N T R AH0 N S
They overlap the sheets.                 | overlap    | OW2 V ER0 L AE1 P
The overlap is small.                    | overlap    | OW1 V ER0 L AE2 P
The upgrade is free.                     | upgrade    | AH1 P G R EY2 D
They upgrade the phone.                  | upgrade    | AH0 P G R EY1 D
We demanded a full recount.              | recount    | R IY1 K AW2 N T
They recount the votes.                  | recount    | R IH0 K AW1 N T
A cheap reprint.                         | reprint    | R IY1 P R IH2 N T
We will retake the test.                 | retake     | R IY0 T EY1 K
She took a retake.                       | retake     | R IY1 T EY2 K
The decoy worked.                        | decoy      | D IY1 K OY2
The proceeds went to charity.            | proceeds   | P R OW1 S IY2 D Z
The work proceeds slowly.                | proceeds   | P R AH0 S IY1 D Z
He is a new initiate.                    | initiate   | IH2 N IH1 SH IY0 AH0 T
They initiate talks.                     | initiate   | IH2 N IH1 SH IY0 EY2 T
My beloved dog slept.                    | beloved    | B IH0 L AH1 V AH0 D
Their beloved leader spoke.              | beloved    | B IH0 L AH1 V AH0 D
He was beloved by all.                   | beloved    | B IH0 L AH1 V D
The accursed place burned.               | accursed   | AH0 K ER1 S AH0 D
The sow fed her young.                   | sow        | S AW1
Our sow had ten piglets.                 | sow        | S AW1
They sow wheat.                          | sow        | S OW1
You reap what you sow.                   | sow        | S OW1
Prices increase every year.              | increase   | IH2 N K R IY1 S / IH0 N K R IY1 S
A minute amount of dust.                 | minute     | M AY0 N UW1 T
Five minute walk.                        | minute     | M IH1 N AH0 T
In a minute.                             | minute     | M IH1 N AH0 T
The minute hand moved.                   | minute     | M IH1 N AH0 T
The cracks are minute.                   | minute     | M AY0 N UW1 T
She speaks Polish.                       | polish     | P OW1 L IH0 SH
Polish the silver.                       | polish     | P AA1 L IH0 SH
Polish people love it.                   | polish     | P OW1 L IH0 SH
Nail polish is red.                      | polish     | P AA1 L IH0 SH
He lives in Reading.                     | reading    | R EH1 D IH0 NG
I am reading.                            | reading    | R IY1 D IH0 NG
We flew to Nice.                         | nice       | N IY1 S
Nice to meet you.                        | nice       | N AY1 S
Herb cooked it.                          | herb       | HH ER1 B / ER1 B
Fresh herb tea.                          | herb       | ER1 B
The Book of Job is long.                 | job        | JH OW1 B
Get a job.                               | job        | JH AA1 B
He has a tear in his jacket.             | tear       | T EH1 R
A tear ran down her cheek.               | tear       | T IH1 R
Do not tear the paper.                   | tear       | T EH1 R
There is wear and tear.                  | tear       | T EH1 R
She tore a muscle; the tear is bad.      | tear       | T EH1 R
He wiped a tear away.                    | tear       | T IH1 R
Pipes of lead are toxic.                 | lead       | L EH1 D
Heavy as lead.                           | lead       | L EH1 D
She took the lead.                       | lead       | L IY1 D
The lead singer left.                    | lead       | L IY1 D
A lead pipe burst.                       | lead       | L EH1 D
The paint contains lead.                 | lead       | L EH1 D
Lead is a metal.                         | lead       | L EH1 D
They will lead us.                       | lead       | L IY1 D
We are live on air.                      | live       | L AY1 V
Live from New York!                      | live       | L AY1 V
They live in Rome.                       | live       | L IH1 V
A live show.                             | live       | L AY1 V
He sang live in Paris.                   | live       | L AY1 V
We go live at nine.                      | live       | L AY1 V
Watch it live tonight.                   | live       | L AY1 V
I live on Elm Street.                    | live       | L IH1 V
The aged woman smiled.                   | aged       | EY1 JH IH0 D
She cares for the aged.                  | aged       | EY1 JH IH0 D
Aged cheese is good.                     | aged       | EY1 JH D
He is aged ten.                          | aged       | EY1 JH D
The learned professor spoke.             | learned    | L ER1 N IH0 D
I learned a lot.                         | learned    | L ER1 N D
A blessed event.                         | blessed    | B L EH1 S IH0 D
She blessed him.                         | blessed    | B L EH1 S T
His dogged pursuit.                      | dogged     | D AO1 G IH0 D
The shelter can house ten people.        | house      | HH AW1 Z
My house is big.                         | house      | HH AW1 S
They house refugees.                     | house      | HH AW1 Z
The shelter houses them.                 | houses     | HH AW1 Z IH0 Z
He took a bow.                           | bow        | B AW1
He shot with a bow and arrow.            | bow        | B OW1
The bow of the ship sank.                | bow        | B AW1
They bow to the queen.                   | bow        | B AW1
She wore a bow tie.                      | bow        | B OW1
A red bow in her hair.                   | bow        | B OW1
Bow down before him.                     | bow        | B AW1
The violin bow broke.                    | bow        | B OW1
We excuse you.                           | excuse     | IH0 K S K Y UW1 Z
It is of no use.                         | use        | Y UW1 S
Do not abuse the dog.                    | abuse      | AH0 B Y UW1 Z
He caught a bass in the lake.            | bass       | B AE1 S
He plays the bass guitar.                | bass       | B EY1 S
The sow had ten piglets.                 | sow        | S AW1
The dove flew.                           | dove       | D AH1 V
He dove into the pool.                   | dove       | D OW1 V
The wound healed.                        | wound      | W UW1 N D
He wound the clock.                      | wound      | W AW1 N D
The wind is strong.                      | wind       | W IH1 N D
Roads wind up the hill.                  | wind       | W AY1 N D
My resume is short.                      | resume     | R EH1 Z AH0 M EY2
We resume the talks.                     | resume     | R IH0 Z UW1 M
They will resume work.                   | resume     | R IH0 Z UW1 M
An exposé of the firm.                   | expose     | EH2 K S P OW0 Z EY1
A glass of rosé, please.                 | rose       | R OW0 Z EY1
We ate pâté.                             | pate       | P AA0 T EY1
Her fiancé and my café.                  | fiance     | F IY0 AA1 N S EY2
The gold lamé dress.                     | lame       | L AA0 M EY1
Did you read it yesterday?               | read       | R IY1 D
She has read it.                         | read       | R EH1 D
He read the book.                        | read       | R EH1 D
I will read it.                          | read       | R IY1 D
The content of the box.                  | content    | K AA1 N T EH0 N T
I am content with it.                    | content    | K AH0 N T EH1 N T
He was upset.                            | upset      | AH0 P S EH1 T
They separate the eggs.                  | separate   | S EH1 P ER0 EY2 T
A separate room.                         | separate   | S EH1 P ER0 IH0 T / S EH1 P R AH0 T
The desert is dry.                       | desert     | D EH1 Z ER0 T
Soldiers desert the army.                | desert     | D IH0 Z ER1 T
THIS IS A TEST                           | a          | AH0
VITAMIN A IS GOOD                        | a          | EY1
Vitamin A is good.                       | a          | EY1
This Is A Big Deal                       | a          | AH0
He got an A.                             | a          | EY1
The SIM and the RAM.                     | ram        | R AE1 M
Send the PDF by SMS.                     | sms        | EH1 S EH1 M EH1 S
The VIP lounge.                          | vip        | V IY1 AY1 P IY1
STOP THAT NOW                            | stop       | S T AA1 P
THE FBI AND THE CIA                      | fbi        | EH1 F B IY1 AY1
CALL US NOW                              | us         | AH1 S
The US and the EU.                       | us         | Y UW1 EH1 S
NASA and NATO met.                       | nasa       | N AE1 S AH0
I am NOT joking.                         | not        | N AA1 T
The BBC said so.                         | bbc        | B IY1 B IY1 S IY1
Use HTML and CSS.                        | html       | EY2 CH T IY2 EH2 M EH1 L
A USB port.                              | usb        | Y UW1 EH1 S B IY1
ASAP please.                             | asap       | EY1 EH1 S EY1 P IY1
RUN! The DOG is out.                     | dog        | D AO1 G
Scan the ZIP file.                       | zip        | Z IH1 P
My LinkedIn and GitHub.                  | github     | G IH1 T HH AH2 B
Clone it from GitLab.                    | gitlab     | G IH1 T L AE2 B
Pay with PayPal.                         | paypal     | P EY1 P AE2 L
A WordPress site.                        | wordpress  | W ER1 D P R EH2 S
Open a Jupyter notebook.                 | jupyter    | JH UW1 P IH0 T ER0
Use Ubuntu here.                         | ubuntu     | UH0 B UH1 N T UW0
We run Kubernetes.                       | kubernetes | K UW2 B ER0 N EH1 T IY0 Z
An Nvidia card.                          | nvidia     | EH0 N V IH1 D IY0 AH0
I use JavaScript.                        | javascript | JH AA1 V AH0 S K R IH2 P T
Watch TikTok.                            | tiktok     | T IH1 K T AA2 K
Two PCs and five DVDs.                   | pcs        | P IY1 S IY1 Z
Many NGOs came.                          | ngos       | EH1 N JH IY1 OW1 Z
The URLs are long.                       | urls       | Y UW1 AA1 R EH1 L Z
DeepMind won.                            | deepmind   | D IY1 P M AY1 N D
McDonald came.                           | mcdonald   | M AH0 K D AA1 N AH0 L D
An iPad and iOS.                         | ios        | AY1 OW1 EH1 S
FedEx came.                              | fedex      | F EH1 D EH1 K S / F EH2 D EH1 K S
AirPods fell.                            | airpods    | EH1 R P AA1 D Z
mRNA works.                              | mrna       | EH1 M AA1 R EH1 N EY1
eBooks sell.                             | ebooks     | IY1 B UH1 K S
The A's and B's.                         | b's        | B IY1 Z
HTTP and HTTPS.                          | https      | EY1 CH T IY1 T IY1 P IY1 EH1 S
Let me present the award.                | present    | P R IY0 Z EH1 N T
Go and conduct the band.                 | conduct    | K AA0 N D AH1 K T
You must convert the file.               | convert    | K AH0 N V ER1 T
Always record your work.                 | record     | R AH0 K AO1 R D
He refuses the gift.                     | refuses    | R AH0 F Y UW1 Z IH0 Z
Farmers produce the food.                | produce    | P R AH0 D UW1 S
Fresh produce is sold.                   | produce    | P R OW1 D UW0 S
She graduates in May.                    | graduates  | G R AE1 JH AH0 W EY2 T S / G R AE1 JH UW0 EY2 T S
The graduates cheered.                   | graduates  | G R AE1 JH AH0 W AH0 T S / G R AE1 JH UW0 AH0 T S
It attracts and transports them.         | transports | T R AE0 N S P AO1 R T S
He insults everyone.                     | insults    | IH2 N S AH1 L T S / IH0 N S AH1 L T S
The insults hurt.                        | insults    | IH1 N S AH2 L T S
THIS IS A BIG DEAL                       | a          | AH0
Please close the door.                   | close      | K L OW1 Z
Then wind the clock.                     | wind       | W AY1 N D
He uses it daily.                        | uses       | Y UW1 Z AH0 Z / Y UW1 Z IH0 Z
She sold old records.                    | records    | R EH1 K ER0 D Z
She abuses him.                          | abuses     | AH0 B Y UW1 Z IH0 Z / AH0 B Y UW1 Z AH0 Z
He presents it daily.                    | presents   | P R IY0 Z EH1 N T S / P R AH0 Z EH1 N T S
He projects calm.                        | projects   | P R AH0 JH EH1 K T S
The minute details matter.               | minute     | M AY0 N UW1 T / M AY0 N Y UW1 T
The Polish team won.                     | polish     | P OW1 L IH0 SH
There was a tear in my shirt.            | tear       | T EH1 R
Send your résumé today.                  | resume     | R EH1 Z AH0 M EY2
It is made of lead.                      | lead       | L EH1 D
They played live on stage.               | live       | L AY1 V
An aged man sat there.                   | aged       | EY1 JH IH0 D / EY1 JH AH0 D
St John came.                            | saint      | S EY1 N T
Let me conduct the choir.                | conduct    | K AA0 N D AH1 K T / K AH0 N D AH1 K T
We house them.                           | house      | HH AW1 Z
Bow to the king.                         | bow        | B AW1
Please tie a bow.                        | bow        | B OW1
The wind blew.                           | wind       | W IH1 N D
He has a tear in his eye.                | tear       | T IH1 R
Wait a minute.                           | minute     | M IH1 N AH0 T
Please stay close.                       | close      | K L OW1 S
"""
"""text | word without accents | its phones, with other right ones after a slash"""

TOGETHER = [
    ("PARTS I, II, III", "TH R IY1"),
    ("PARTS I, II, III", "T UW1"),
    ("AT&T is a firm.", "EY1 T IY1 AH0 N D T IY1"),
    ("USA, UK, UN, EU.", "Y UW1 EH1 S EY1 , Y UW1 K EY1 , Y UW1 EH1 N , IY1 Y UW1"),
    ("READ THE FAQ AND THE PDF", "EH1 F EY1 K Y UW1"),
    ("The SIM card fits.", "S IH1 M K AA1 R D"),
    ("Type the PIN here.", "P IH1 N HH IY1 R"),
    ("Plug it into the LAN.", "DH AH0 L AE1 N"),
    ("It is in the ROM.", "DH AH0 R AA1 M"),
    ("Send me a GIF.", "AH0 G IH1 F"),
    ("I asked ChatGPT today.", "CH AE1 T JH IY1 P IY1 T IY1"),
    ("OpenAI said so.", "OW1 P AH0 N EY1 AY1"),
    ("It needs IPv6 now.", "AY1 P IY1 V IY1 S IH1 K S"),
    ("Two CEOs met.", "S IY1 IY1 OW1 Z"),
    ("THE UN AND THE EU", "Y UW1 EH1 N AH0 N D DH IY0 IY1 Y UW1"),
    ("SEND THE URL BY SMS", "Y UW1 AA1 R EH1 L B AY1 EH2 S EH2 M EH1 S"),
    ("B&B and R&D", "B IY1 AH0 N D B IY1 AH0 N D AA1 R AH0 N D D IY1"),
    ("Q&A at H&M", "K Y UW1 AH0 N D EY1 AE1 T EY1 CH AH0 N D EH1 M"),
    ("My PhD.", "P IY1 EY1 CH D IY1"),
    ("A JPEG and a GIF.", "JH EY1 P EH2 G"),
    ("iOS and macOS", "AY1 OW1 EH1 S AH0 N D M AE1 K OW1 EH1 S"),
    ("The A's and the p's", "DH IY0 EY1 Z AH0 N D DH AH0 P IY1 Z"),
    ("the FBI's files", "EH1 F B IY1 AY1 Z"),
    ("XMLHttpRequest", "EH1 K S EH1 M EH1 L EY2 CH T IY2 T IY2 P IY1 R IH0 K W EH1 S T"),
]


def plain(word: str) -> str:
    """Small letters without accents."""
    return "".join(c for c in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(c))


@pytest.mark.parametrize("row", READINGS.strip().splitlines())
def test_readings(row: str) -> None:
    text, word, wanted = (column.strip() for column in row.split("|"))
    phones, start, found = phonemize(text), 0, []
    for item in phones.words:
        if plain(item.text) == word:
            found.append(" ".join(phones.symbols[start : start + item.phones]))
        start += item.phones
    assert found and found[0] in wanted.split(" / ")


@pytest.mark.parametrize(("text", "wanted"), TOGETHER)
def test_phones_of_a_text(text: str, wanted: str) -> None:
    assert f" {wanted} " in f" {' '.join(phonemize(text).symbols)} "


def test_the_tables_name_readings_that_exist() -> None:
    """A sense whose phone no reading of the dictionary has would never be chosen."""
    for row in SENSES.strip().splitlines():
        if row.startswith("#"):
            continue
        word, told, _ = (column.strip() for column in row.split("|"))
        if not told.startswith("="):
            phones = f" {told.replace('.', ' ')} "
            assert any(phones in f" {' '.join(reading)} " for reading in lexicon.readings(word)), (word, told)
    for table in (ACCENTED, EXTRA):
        for word, told in table.items():
            assert word == word.lower() and set(told.split()) <= set(SYMBOLS), word


def test_what_the_tables_say_needs_no_guess() -> None:
    """Every word that the normaliser can put into a text is in the dictionary or derived from it."""
    phrases: list[str] = [phrase for unit in tables_en.UNITS.values() for phrase in (unit, plural(unit))]
    for name, table in vars(tables_en).items():
        if name.isupper() and name[0] != "_" and isinstance(table, dict):
            for value in table.values():
                phrases += value if isinstance(value, tuple) else [value]
    words = {word for phrase in phrases for word in phrase.split() if word.isalpha() and len(word) > 1}
    assert len(words) > 400
    assert not sorted(word for word in words if en.pronounce(word)[1] == "network")
