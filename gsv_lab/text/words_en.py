"""English words whose reading the dictionary alone does not give: heteronyms, capitals, accents.

Only tables. `heteronyms.py` and `en.py` read them; phones are the dictionary's ARPAbet. The readings are those of the
CMU dictionary and of American dictionaries in general.
"""
# ruff: noqa: E501

from __future__ import annotations

from gsv_lab.text.tables_en import pairs

STRESS_PAIRS = frozenset(
    """record object project permit present conduct conflict contest contract convert decrease desert discount extract
    import export increase insert insult perfect produce progress protest rebel refund reject subject survey suspect upset
    address attribute combine compound console content digest escort refuse torment transport compress contrast converse
    convict defect discharge exploit incline offset recall recount segment transfer affix ally annex construct consort
    contrive decoy detail detour entrance essay excerpt finance fragment frequent impact implant imprint incense overlap
    pervert proceeds process proposition recap redo reprint research retake rewrite upgrade uplift""".split()
)
"""Noun and verb differ in stress: a REcord, to reCORD."""
ATE = frozenset(
    """estimate separate graduate moderate duplicate advocate alternate associate delegate deliberate appropriate articulate
    elaborate subordinate coordinate approximate animate degenerate desolate precipitate predicate aggregate affiliate
    intimate initiate syndicate designate""".split()
)
"""The verb ends in EY2 T, noun and adjective in AH0 T."""
VOICED_VERBS = frozenset("close use abuse excuse misuse diffuse reuse house mouth".split())
"""The verb ends in a voiced sound: to use, the use."""

SENSES = """
# word  | reading          | when: all cues of a row must hold; the first row that does decides
# A reading is a phone that tells it from the others of the dictionary, or after = all phones.
# Cues: a part of speech; past (the sentence speaks of the past); capital (inside a sentence); first (begins it);
# <a,b word before; >a,b word after; ~a,b anywhere in the sentence; ! turns a cue round; . is no word.
read      | EH1              | <have,has,had,having,was,were,is,are,be,been,being,i've,you've,we've,they've,he's,she's,well
read      | EH1              | past !<to !~did,didn't,will,would,can,could,should,do,does,don't
read      | EH1              | <he,she,it !>.,to !~did,didn't,does,doesn't,let,make,will,can,could,would,should,may
read      | IY1              |
lead      | IY1              | >singer,guitar,guitarist,actor,actress,role,designer,engineer,author,researcher,developer,investigator,time,times,story,vocals,character
lead      | EH1              | >pipe,pipes,pencil,pencils,poisoning,paint,paints,acid,weight,weights,metal,free,shielding,shot,bullet,bullets,ore,mine,mines,levels,exposure,oxide,solder,glass,battery,batteries,content,lined,based,apron,balloon
lead      | EH1              | <of,as,contains,contain,contained,containing,molten,melted,from,with,like !>of,the,a,us,to,in
lead      | EH1              | !verb !<the,take,took,takes,taking !~led ~metal,metals,zinc,copper,tin,mercury,toxic,poisonous,alloy,iron,silver,plumbing,melted,molten,cadmium,arsenic,bullets,pipes,soil,denser,dense
lead      | IY1              |
live      | AY1              | >music,broadcast,show,shows,audience,concert,concerts,performance,performances,wire,wires,animal,animals,stream,streams,streaming,coverage,tv,television,event,events,band,album,version,recording,recordings,session,ammunition,bait,chat,demo,video,feed,updates,score,scores,birth,births,traffic,report,action,data,sports,game,games,blog,theater,theatre,rounds,oak,commentary,bands,entertainment,footage,news,stage,fish,chickens,bacteria,virus,vaccine,cattle
live      | AY1              | <play,plays,played,playing,perform,performs,performed,performing,sing,sings,sang,sung,singing,broadcast,broadcasts,broadcasting,stream,streams,streamed,streaming,air,airs,aired,go,goes,going,went,gone,appear,appeared,appearing,is,are,was,were,been,i'm,we're,it's,they're,you're,he's,she's,that's,watch,watched,watching,record,recorded,report,reporting,reported,the,a,an,seen,heard,shown,coming,now
live      | AY1              | <.,tonight >from,at,on,now,tonight !>on,in
live      | AY1              | <. >from,at
live      | AY1              | <it,them,him,her,us,concert,match,show,band,song,songs,game,event,debate,speech,final ~watch,watched,watching,see,saw,seen,play,played,perform,performed,hear,heard,sing,sang,show,showed,stream,streamed,broadcast,record,recorded
live      | IH1              |
lives     | IH1              | verb
lives     | AY1              |
tear      | EH1              | verb
tear      | IH1              | >drop,drops,gas,duct,ducts,stained,film
tear      | EH1              | >up,apart,down,off,out,open,away !<a,the,his,her,my,one,single,every
tear      | EH1              | ~shirt,fabric,paper,muscle,cloth,dress,jeans,pants,trousers,coat,jacket,sail,sails,ligament,tendon,meniscus,page,sleeve,curtain,curtains,tent,bag,skirt,sweater,cuff,tissue,seam,repair,repaired,wear,stocking,stockings,net,leather,canvas,retina,sheet,blanket,sew,sewed,mend,mended,stitch,sofa,couch,screen,knee,hamstring,carpet,lining,pocket
tear      | IH1              |
tears     | EH1              | verb
tears     | EH1              | ~ligament,ligaments,muscle,muscles,rotator,meniscus,fabric
tears     | IH1              |
wind      | AY1              | verb
wind      | AY1              | >up,down,through,around !<the,a,strong,cold,no,high
wind      | IH1              |
winds     | AY1              | verb
winds     | AY1              | >through,around,along,its,up,down,past
winds     | IH1              |
wound     | AW1              | >up,around,down,through,round,tightly,tight,its,along
wound     | AW1              | verb !<have,has,had,having,been,was,were,is,are,be,being,to,can,could,will,would,may,might
wound     | UW1              |
bow       | OW1              | >tie,ties,string,window,hunter,hunting,saw
bow       | AW1              | >down,before,out
bow       | OW1              | !verb ~arrow,arrows,violin,cello,viola,fiddle,ribbon,ribbons,hair,strings,archer,archery,rosin,tie,tied,ties,gift,knot,quiver,shoelace,shoelaces,rope,wrapped,present
bow       | AW1              | ~ship,ship's,boat,stern,deck,vessel,king,queen,audience,stage,curtain,head,deeply,respect,waves,canoe,emperor,sank,sailed,applause,guests,prince,actors,sailor
bow       | AW1              | verb
bow       | AW1              | <take,took,takes,taking,low,deep,polite,slight,final,quick,formal
bow       | AW1              | <a >.,and,to
bow       | OW1              |
bows      | OW1              | ~arrows,ribbon,ribbons,violin,violins,hair,archers,arrow,tied
bows      | AW1              | verb
bows      | AW1              | ~audience,ship,boats,ships,king,stage,deep,polite
bows      | OW1              |
dove      | OW1              | verb
dove      | OW1              | >into,in,under,down,off,for,headfirst,deep,right,from !<a,the,white,turtle,gray,peace
dove      | AH1              |
bass      | AE1              | ~fish,fishing,fisherman,caught,catch,lake,river,pond,trout,bait,hook,angler,striped,sea,grilled,largemouth,smallmouth,boat,fillet,salmon,cooked,chilean
bass      | EY1              |
sow       | AW1              | ~pig,pigs,piglets,piglet,boar,farrow,farrowing,hog,hogs,sty
sow       | AW1              | !verb <a,the,our,my,her,his,one,each,every,pregnant,old,fat,big,young,mother
sow       | OW1              |
learned   | IH0              | <a,the,very,most,many !>.,that,to,from,about,how
learned   | N.D              |
aged      | IH0              | <the >.,and,in,are,who,need,were
aged      | IH0              | <an,the,my,his,her,their,our,your,two,some,these,those,this,that,both >man,woman,men,women,people,person,parent,parents,couple,lady,ladies,gentleman,mother,father,relative,relatives,grandmother,grandfather,king,queen,aunt,uncle,monk,priest,poor,citizens,grandparents,professor,dog,face,hands,farmer,widow,servant,pope,emperor,teacher,nun,patient,patients,driver
aged      | JH.D             |
blessed   | =B.L.EH1.S.IH0.D | <the,a,this,that,every,whole,one,our >event,virgin,sacrament,mother,trinity,day,thing,life,relief,moment,peace,memory,man,one,land,silence,union,soul,night,minute,saint,lord
blessed   | =B.L.EH1.S.IH0.D | first >are,is,be,mary
dogged    | =D.AO1.G.IH0.D   | <his,her,their,a,the,with,by,sheer,its,my,our >determination,persistence,pursuit,resistance,effort,efforts,defense,refusal,perseverance,insistence,devotion,loyalty,work,commitment
cursed    | =K.ER1.S.IH0.D   | <this,that,these,those >thing,place,things,dog,machine,weather,place,war
legged    | =L.EH1.G.IH0.D   | <one,two,three,four,six,eight,long,bow,cross,short
supposed  | =S.AH0.P.OW1.Z.IH0.D | <the,a,his,her,their,its >friend,friends,benefits,benefit,expert,experts,threat,advantage,leader,victim,value,evidence,cure,effect,author,reason,crime
minute    | UW1              | !<one,two,three,four,five,ten,fifteen,twenty,thirty,forty,sixty,per >details,detail,amount,amounts,particle,particles,quantity,quantities,difference,differences,trace,traces,fraction,fractions,change,changes,crack,cracks,organism,organisms,creature,creatures,variation,variations,fragment,fragments,attention,scale,size,proportions,percentage,dose,doses,portion,portions,droplets,grains,bubbles,insects,animals,fossils,fibers,hole,holes,imperfections,piece,pieces,speck,specks,adjustments,quantities,size,dust,shells,plants,distances,movements,doses,scratches,living
minute    | UW1              | <very,extremely,incredibly,almost,exceedingly,infinitely
minute    | UW1              | <are,were,is,was,be,so >.,and,but,compared
minute    | IH1              |
polish    | OW1              | capital
polish    | OW1              | first >people,team,is,was,language,food,president,army,border,workers,government,sausage,sausages,woman,women,man,men,born,american,history,culture,citizens,immigrants,and,has,jews,cuisine,poet,composer,football,troops,farmers,students,soldiers,girl,vodka,grammar,police,players,airlines,officials,scientists
polish    | AA1              |
reading   | EH1              | capital <in,from,to,at,near,of,through,visit,visited,leave,left,via
reading   | EH1              | capital >festival,university,railroad,station,pennsylvania,england,fc,gaol,railway
reading   | IY1              |
nice      | IY1              | capital <in,to,from,of,near,at,visit,visited,via,around,through,and
nice      | AY1              |
job       | OW1              | capital <of
job       | OW1              | capital ~bible,prophet,patience,satan,testament,psalms
job       | AA1              |
lima      | AY1              | >bean,beans
lima      | IY1              |
herb      | HH               | capital
herb      | HH               | first >said,was,is,and,has,had,came,went,alpert,smith,likes,told,asked
mobile    | =M.OW0.B.IY1.L             | capital >alabama,bay
august    | AO1              | capital
invalid   | IH1              | <an,the,poor,old,elderly >.,was,is,had,has,who,said,and,in,on,with,sat,lay,looked,would,could
invalid   | AE1              |
resume    | EY2              | <your,my,his,her,a,their,our,the,updated,impressive,new,attached,this,strong,good,professional,one-page,whose
resume    | EY2              | noun ~job,cv,apply,applied,application,hire,hired,interview,cover,skills,recruiter,employer,employers
resume    | IH0.Z            |
buffet    | AH1              | verb
buffet    | EY1              |
use       | S                | <of,in,no,any,for,much,little,some,good,every,each,per,heavy,make,makes,made,into,under,daily,their,its,our
houses    | =HH.AW1.Z.IH0.Z  |
close     | S                | >to,by,friend,friends,enough,call,range,up,relationship,relatives,attention,family,contact,quarters,together,proximity,behind,as,combat,second,race,ties,look
close     | S                | <very,so,too,quite,as,how,stay,stays,stayed,get,gets,got,getting,is,are,was,were,be,come,comes,came,pretty,really,keep,kept,stand,stood,sit,live,draw,drew !>the,his,her,my,your,their,it
close     | Z                | <the,a,at,to,at,day's >of
does      | AH1              |
content   | EH1              | <am,is,are,was,were,be,been,feel,feels,felt,seem,seems,seemed,very,quite,so,not,perfectly !>was,is,of
content   | EH1              | >to,with !<the,any,your,this,our
upset     | AH0.P            |
row       | =R.AW1           | ~quarrel,argument,argued,neighbours,diplomatic <a,the,this,huge,bitter
putting   | =P.AH1.T.IH0.NG  | ~golf,golfer,green,greens
export    | =EH0.K.S.P.AO1.R.T | verb
exports   | =EH0.K.S.P.AO1.R.T.S | verb
entrance  | =EH0.N.T.R.AE1.N.S | verb
frequent  | =F.R.IY0.K.W.EH1.N.T | verb
frequents | =F.R.IY0.K.W.EH1.N.T.S |
overlap   | =OW2.V.ER0.L.AE1.P | verb
overlaps  | =OW2.V.ER0.L.AE1.P.S | verb
uplift    | =AH0.P.L.IH1.F.T | verb
upgrade   | =AH1.P.G.R.EY2.D | !verb
upgrades  | =AH1.P.G.R.EY2.D.Z | !verb
recount   | =R.IY1.K.AW2.N.T | !verb
reprint   | =R.IY1.P.R.IH2.N.T | !verb
reprints  | =R.IY1.P.R.IH2.N.T.S | !verb
retake    | =R.IY1.T.EY2.K   | !verb
retake    | =R.IY0.T.EY1.K   |
decoy     | =D.IY1.K.OY2     | !verb
consort   | =K.AA1.N.S.AO2.R.T | !verb
proceeds  | =P.R.OW1.S.IY2.D.Z | <the,all,net,of,gross,any,these,its
initiate  | =IH2.N.IH1.SH.IY0.AH0.T | !verb <the,an,new,young,each,every
beloved   | =B.IH0.L.AH1.V.AH0.D | !<was,is,are,were,be,been,being,much,well !>by,of
accursed  | =AH0.K.ER1.S.AH0.D | <the,this,that,these,those,an,his,her,their
number    | =N.AH1.M.ER0     | ~toes,fingers,lips,feet,cold <got,grew,felt,become,becoming,went >and,.
"""

ACCENTED = pairs("""
résumé: R EH1 Z AH0 M EY2; résumés: R EH1 Z AH0 M EY2 Z; resumé: R EH1 Z AH0 M EY2; exposé: EH2 K S P OW0 Z EY1;
exposés: EH2 K S P OW0 Z EY1 Z; rosé: R OW0 Z EY1; rosés: R OW0 Z EY1 Z; pâté: P AA0 T EY1; pâtés: P AA0 T EY1 Z;
lamé: L AA0 M EY1; maté: M AA1 T EY2; saké: S AA1 K IY0; divorcé: D IH0 V AO2 R S EY1; divorcée: D IH0 V AO2 R S EY1;
fiancée: F IY2 AA2 N S EY1; fiancées: F IY2 AA2 N S EY1 Z; née: N EY1; né: N EY1; josé: HH OW0 Z EY1; blasé: B L AA0 Z EY1;
touché: T UW0 SH EY1; outré: UW0 T R EY1; soigné: S W AA0 N Y EY1; appliqué: AE2 P L AH0 K EY1; protégée: P R OW1 T AH0 ZH EY2;
décor: D EY0 K AO1 R; jalapeño: HH AA2 L AH0 P EY1 N Y OW0; jalapeños: HH AA2 L AH0 P EY1 N Y OW0 Z; piñata: P IY0 N Y AA1 T AH0;
piñatas: P IY0 N Y AA1 T AH0 Z; señor: S EY0 N Y AO1 R; señora: S EY0 N Y AO1 R AH0; señorita: S EY2 N Y ER0 IY1 T AH0;
niño: N IY1 N Y OW0; niña: N IY1 N Y AH0; mañana: M AA0 N Y AA1 N AH0; piña: P IY1 N Y AH0; déjà: D EY2 ZH AA1;
crème: K R EH1 M; brûlée: B R UW0 L EY1; bouclé: B UW0 K L EY1; ombré: AA1 M B R EY2; coupé: K UW0 P EY1; flambé: F L AA0 M B EY1;
consommé: K AA1 N S AH0 M EY2; habitué: HH AH0 B IH1 CH UW0 EY2; brontë: B R AA1 N T EY2; condé: K AA1 N D EY0; olé: OW0 L EY1;
retroussé: R EH2 T R UW0 S EY1; mélange: M EY0 L AA1 N JH; communiqué: K AH0 M Y UW2 N AH0 K EY1; macramé: M AE1 K R AH0 M EY2;
curé: K Y UH0 R EY1; moiré: M W AA0 R EY1; roué: R UW0 EY1; manqué: M AA0 NG K EY1; glacé: G L AE0 S EY1; frappé: F R AE0 P EY1;
pavé: P AE0 V EY1; plié: P L IY0 EY1; jeté: ZH AH0 T EY1; recherché: R AH0 SH EH2 R SH EY1; distingué: D IY2 S T AE0 NG G EY1; pré: P R EY1
""")
"""Words that their accents change, with their phones; other accents are left out."""

SAID_AS_WORDS = frozenset(
    """SIM SIMS PIN PINS LAN WAN ROM RAM GIF GIFS ZIP BIN VAT MAC DOS CAD CAM RAID SWAT SCUBA COVID LASER NASA NATO AIDS SARS
    OPEC FIFA FOMO YOLO NIMBY PETA MIDI BIOS HEPA CERN DARPA NAFTA UNICEF UNESCO IKEA LEGO NERF SIG TED RIP SPA GAP ACE ICE
    NAS SAS SAP WASP JAVA PERL BASIC COBOL FORTRAN DOOM MOMA NOAA NORAD SONAR RADAR CAPTCHA POTUS SCOTUS FLOTUS PAC HUD AWOL MENSA
    NASDAQ SAAS PAAS IAAS JSON YAML TOML CRUD REST SOAP AJAX LAMP ANOVA ELISA MRSA BART GAAP FICA FINRA COBRA ERISA OSHA
    FEMA MERS ZIKA ASEAN MOOC MOOCS DRAM SRAM WIMP TASER GAN GANS BERT RAG WAV""".split()
)
"""Capitals that are said as a word, though they are short or in no dictionary."""
SPELLED = frozenset("UN EU AI ID IT US UK URL URLS USA VIP LED ETA SAT ACT IRA".split())
"""Capitals that are spelled, though the dictionary has them as a word."""
SHORT_WORDS = frozenset(
    """act add age ago aid aim air all and any are arm art ask ate bad bag ban bar bat bed bee beg bet big bit box boy bug bus but buy
    can cap car cat cow cry cup cut dad day did die dig dog dry due ear eat egg end eye fan far fat few fit fix fly for fox fun
    gas get god got gun guy had ham has hat her hey hid him his hit hot how hug ill ink its jam job joy key kid kit law lay leg let lie lip log lot
    low mad man map may men met mix mom mud net new nor not now nut odd off oil old one our out own pay pen pet pig pot put ran raw
    red rid row run sad saw say sea see set sex she shy sir sit six sky son sun tax tea ten the tie tip toe too top toy try two use van
    war was way wet who why win won yes yet you zoo joe bob tom sam dan ben jim tim max amy ann eve kim lee ray roy sue
    am an as at be by do go he hi if in is it me my no of oh on or so to up us we ok ah mr mrs dr ms""".split()
)
"""Words of two and three letters that stay words in capitals."""

EXTRA = pairs("""
py: P AY1; spacex: S P EY1 S EH1 K S; jpeg: JH EY1 P EH2 G; mpeg: EH1 M P EH2 G; gif: G IH1 F; gifs: G IH1 F S; fomo: F OW1 M OW0; covid: K OW1 V IH0 D; wav: W EY1 V;
gui: G UW1 IY0; yammel: Y AE1 M AH0 L; tommel: T AA1 M AH0 L; yaml: Y AE1 M AH0 L; json: JH EY1 S AA2 N; hashtag: HH AE1 SH T AE2 G;
tiktok: T IH1 K T AA2 K; latex: L EY1 T EH2 K S; mysql: M AY1 EH2 S K Y UW2 EH1 L; macos: M AE1 K OW1 EH1 S; ios: AY1 OW1 EH1 S;
phd: P IY1 EY1 CH D IY1; phds: P IY1 EY1 CH D IY1 Z; wi: W AY1; gaap: G AE1 P; cern: S ER1 N; hepa: HH EH1 P AH0; saas: S AE1 S; whatsapp: W AH1 T S AE2 P;
paas: P AE1 S; chatbot: CH AE1 T B AA2 T; readme: R IY1 D M IY2; midi: M IH1 D IY0; micrometers: M AY1 K R OW0 M IY2 T ER0 Z;
milliamp: M IH1 L IY0 AE2 M P; milliamps: M IH1 L IY0 AE2 M P S; amps: AE1 M P S; miz: M IH1 Z; conf: K AA1 N F; rar: R AA1 R;
litre: L IY1 T ER0; kopeck: K OW1 P EH2 K; kopecks: K OW1 P EH2 K S; paisa: P AY1 S AA2; paise: P AY1 S EY2; farad: F EH1 R AE2 D; farads: F EH1 R AE2 D Z; omicron: AA1 M AH0 K R AA2 N; tau: T AW1; upsilon: AH1 P S AH0 L AA2 N; eta: EY1 T AH0; ibid: IH1 B IH0 D;
vs: V ER1 S AH0 S; mooc: M UW1 K; moocs: M UW1 K S; dram: D IY1 R AE2 M; sram: EH1 S R AE2 M; crud: K R AH1 D; nerf: N ER1 F;
github: G IH1 T HH AH2 B; gitlab: G IH1 T L AE2 B; paypal: P EY1 P AE2 L; wordpress: W ER1 D P R EH2 S; jupyter: JH UW1 P IH0 T ER0;
numpy: N AH1 M P AY2; scipy: S AY1 P AY2; kubernetes: K UW2 B ER0 N EH1 T IY0 Z; nginx: EH1 N JH IH0 N EH1 K S;
ubuntu: UH0 B UH1 N T UW0; spotify: S P AA1 T AH0 F AY2; airbnb: EH2 R B IY1 AE1 N D B IY1; xiaomi: SH AW1 M IY0; huawei: W AA1 W EY2;
nvidia: EH0 N V IH1 D IY0 AH0; pinterest: P IH1 N T R EH2 S T;
potus: P OW1 T AH0 S; scotus: S K OW1 T AH0 S; flotus: F L OW1 T AH0 S; osha: OW1 SH AH0; fema: F IY1 M AH0; noaa: N OW1 AH0;
norad: N AO1 R AE2 D; mers: M ER1 Z; asean: AA1 S IY0 AA2 N; nimby: N IH1 M B IY0; darpa: D AA1 R P AH0; mrsa: M ER1 S AH0;
""")
"""Words that the dictionary does not have or has otherwise."""
ENDINGS = pairs("""
iveness: IH0 V N AH0 S; ability: AH0 B IH2 L AH0 T IY0; fulness: F AH0 L N AH0 S; lessly: L AH0 S L IY0;
fully: F AH0 L IY0; ingly: IH0 NG L IY0; ness: N AH0 S; less: L AH0 S; ment: M AH0 N T; ship: SH IH2 P;
able: AH0 B AH0 L; ably: AH0 B L IY0; like: L AY2 K; ward: W ER0 D; some: S AH0 M; hood: HH UH2 D; eth: AH0 TH;
est: AH0 S T; ful: F AH0 L; ing: IH0 NG; ist: IH0 S T; ism: IH2 Z AH0 M; ish: IH0 SH; ize: AY2 Z; ise: AY2 Z;
ers: ER0 Z; in: IH0 N; er: ER0; or: ER0; ly: L IY0; y: IY0
""")
"""Endings and the phones that they add to the stem, which is looked up as it stands, with its dropped e, or with y for i."""
BEGINNINGS = pairs("""
counter: K AW2 N T ER0; inter: IH2 N T ER0; super: S UW2 P ER0; under: AH2 N D ER0; over: OW2 V ER0; fore: F AO2 R;
anti: AE2 N T IY0; auto: AO2 T OW0; non: N AA2 N; mis: M IH2 S; dis: D IH0 S; pre: P R IY0; sub: S AH2 B; out: AW2 T;
kilo: K IH2 L AH0; mega: M EH2 G AH0; giga: G IH2 G AH0; tera: T EH2 R AH0; peta: P EH2 T AH0; milli: M IH2 L AH0;
micro: M AY2 K R OW0; nano: N AE2 N OW0; pico: P IY2 K OW0; centi: S EH2 N T AH0; deci: D EH2 S AH0;
hecto: HH EH2 K T OW0; kibi: K IH2 B IY0; mebi: M EH2 B IY0; gibi: G IH2 B IY0; tebi: T EH2 B IY0; un: AH0 N;
re: R IY0
""")
"""Beginnings and their phones before a word that the dictionary has."""
