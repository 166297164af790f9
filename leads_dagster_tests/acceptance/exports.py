"""Exports as the programs make them that people keep leads in: their headers, their habits, persons made up.

What belongs here: the bytes, and what a person who reads them would say they hold. Each export names every lead by its
e-mail address; a field left out of `leads` is not looked at, and `None` says that it must be blank.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Export:
    """One file and what it says.

    Attributes:
        name: what it is, for the test's name.
        data: the bytes.
        leads: e-mail of the lead -> field -> value; as many leads come out as are named here.
        beside: e-mail of the lead -> texts that must be found somewhere in its raw_data.
        region: the customer's own, for phones.
    """

    name: str
    data: bytes
    leads: Mapping[str, Mapping[str, str | None]]
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    region: str = "US"


def _lines(*lines: str, end: str = "\r\n") -> str:
    return end.join(lines) + end


OUTLOOK = Export(
    "Outlook, English",
    _lines(
        '"Title","First Name","Middle Name","Last Name","Suffix","Company","Department","Job Title",'
        '"Business Street","Business City","Business State","Business Postal Code","Business Country/Region",'
        '"Home City","Home Country/Region","Business Fax","Business Phone","Business Phone 2","Home Phone",'
        '"Mobile Phone","Birthday","E-mail Address","E-mail Type","E-mail Display Name","E-mail 2 Address",'
        '"E-mail 2 Type","Notes","Web Page"',
        '"Dr.","Maria","Teresa","Okafor","","Bright, Okafor & Sons","R&D","Head of Research","12 Elm St",'
        '"Springfield","IL","01109","United States of America","","","+1 (217) 555-0199","+1 (217) 555-0142","",'
        '"","(217) 555-0177","0/0/00","maria.okafor@brightokafor.example","SMTP",'
        '"Maria Okafor (maria.okafor@brightokafor.example)","m.okafor@home.example","SMTP",'
        '"Met at the fair.\r\nCall back in May, ""early"".","http://www.brightokafor.example"',
        '"","Jürgen","","Groß","","Groß GmbH","","Geschäftsführer","Am Markt 3","Köln","","50667","Germany",'
        '"","","","0221 9876543","","","","0/0/00","j.gross@gross-gmbh.example","SMTP","Jürgen Groß","","","",""',
    ).encode("utf-8-sig"),
    {
        "maria.okafor@brightokafor.example": {
            "full_name": "Maria Teresa Okafor",
            "company": "Bright, Okafor & Sons",
            "title": "Head of Research",
            "phone": "+12175550142",
            "location": "Springfield, IL, United States",
            "website": "brightokafor.example",
            "notes": 'Met at the fair.\nCall back in May, "early".',
        },
        "j.gross@gross-gmbh.example": {
            "full_name": "Jürgen Groß",
            "company": "Groß GmbH",
            "title": "Geschäftsführer",
            "phone": "+492219876543",
            "location": "Köln, Germany",
        },
    },
    beside={"maria.okafor@brightokafor.example": ("m.okafor@home.example", "01109", "(217) 555-0177", "Dr.")},
)

OUTLOOK_GERMAN = Export(
    "Outlook, German, cp1252, semicolon",
    _lines(
        "Anrede;Vorname;Weitere Vornamen;Nachname;Suffix;Firma;Abteilung;Position;Straße geschäftlich;"
        "Ort geschäftlich;Postleitzahl geschäftlich;Land/Region geschäftlich;Fax geschäftlich;Telefon geschäftlich;"
        "Mobiltelefon;E-Mail-Adresse;E-Mail-Typ;E-Mail: Angezeigter Name;E-Mail 2: Adresse;Webseite;Notizen",
        'Herr;Björn;;Müller;;"Müller; Söhne & Co. KG";Einkauf;Leiter Einkauf;Hauptstraße 1;Görlitz;02826;'
        "Deutschland;;03581 123456;0171 2345678;bjoern.mueller@mueller-soehne.example;SMTP;Björn Müller;;"
        "www.mueller-soehne.example;",
        "Frau;Käthe;;von der Weiden;;;;;;;;;;;0172/9876543;kaethe@weiden.example;SMTP;;k.weiden@web.example;;",
    ).encode("cp1252"),
    {
        "bjoern.mueller@mueller-soehne.example": {
            "full_name": "Björn Müller",
            "company": "Müller; Söhne & Co. KG",
            "title": "Leiter Einkauf",
            "phone": "+493581123456",
            "location": "Görlitz, Germany",
            "website": "mueller-soehne.example",
        },
        "kaethe@weiden.example": {"full_name": "Käthe von der Weiden", "phone": "+491729876543", "company": None},
    },
    beside={
        "bjoern.mueller@mueller-soehne.example": ("02826", "0171 2345678"),
        "kaethe@weiden.example": ("k.weiden@web.example",),
    },
    region="DE",
)

GOOGLE_NEW = Export(
    "Google Contacts, since 2023",
    _lines(
        "First Name,Middle Name,Last Name,Phonetic First Name,Phonetic Middle Name,Phonetic Last Name,Name Prefix,"
        "Name Suffix,Nickname,File As,Organization Name,Organization Title,Organization Department,Birthday,Notes,"
        "Photo,Labels,E-mail 1 - Label,E-mail 1 - Value,E-mail 2 - Label,E-mail 2 - Value,Phone 1 - Label,"
        "Phone 1 - Value,Phone 2 - Label,Phone 2 - Value,Address 1 - Label,Address 1 - Formatted,"
        "Address 1 - Street,Address 1 - City,Address 1 - PO Box,Address 1 - Region,Address 1 - Postal Code,"
        "Address 1 - Country,Address 1 - Extended Address,Website 1 - Label,Website 1 - Value",
        "Siobhán,,O'Connell,,,,,,,,Emerald Ltd,Partner,,1980-02-01,,"
        "https://lh3.googleusercontent.com/contacts/abc,* myContacts,* Work,siobhan@emerald.example ::: "
        "s.oconnell@emerald.example,Home,siob@home.example,Work,+353 1 555 0100,Mobile,+353 85 555 0101,Work,"
        '"1 Quay St\nDublin 2\nIE",1 Quay St,Dublin,,,D02,IE,,Work,https://emerald.example/about',
        ",,,,,,,,,,Only A Company,,,,,,* myContacts,,info@onlyacompany.example,,,,,,,,,,,,,,,,,",
        end="\n",
    ).encode(),
    {
        "siobhan@emerald.example": {
            "full_name": "Siobhán O'Connell",
            "company": "Emerald Ltd",
            "title": "Partner",
            "phone": "+35315550100",
            "website": "emerald.example",
        },
        "info@onlyacompany.example": {"company": "Only A Company", "phone": None},
    },
    beside={
        "siobhan@emerald.example": ("s.oconnell@emerald.example", "siob@home.example", "+353 85 555 0101", "* Work")
    },
)

GOOGLE_OLD = Export(
    "Google Contacts, before 2023",
    _lines(
        "Name,Given Name,Additional Name,Family Name,Yomi Name,Given Name Yomi,Additional Name Yomi,"
        "Family Name Yomi,Name Prefix,Name Suffix,Initials,Nickname,Short Name,Maiden Name,Birthday,Gender,Location,"
        "Billing Information,Directory Server,Mileage,Occupation,Hobby,Sensitivity,Priority,Subject,Notes,Language,"
        "Photo,Group Membership,E-mail 1 - Type,E-mail 1 - Value,E-mail 2 - Type,E-mail 2 - Value,Phone 1 - Type,"
        "Phone 1 - Value,Organization 1 - Type,Organization 1 - Name,Organization 1 - Yomi Name,"
        "Organization 1 - Title,Organization 1 - Department,Website 1 - Type,Website 1 - Value",
        "Hans van den Berg,Hans,van den,Berg,,,,,,,,,,,,,,,,,,,,,,,,,* myContacts,* Work,hans@vdberg.example,Other,"
        "hans.berg@mail.example,Mobile,+31 6 12345678,,Van den Berg B.V.,,Directeur,,Profile,"
        "https://www.vdberg.example",
        end="\n",
    ).encode(),
    {
        "hans@vdberg.example": {
            "full_name": "Hans van den Berg",
            "company": "Van den Berg B.V.",
            "title": "Directeur",
            "phone": "+31612345678",
            "website": "vdberg.example",
        }
    },
    beside={"hans@vdberg.example": ("hans.berg@mail.example",)},
)

THUNDERBIRD = Export(
    "Thunderbird",
    _lines(
        "First Name,Last Name,Display Name,Nickname,Primary Email,Secondary Email,Screen Name,Work Phone,Home Phone,"
        "Fax Number,Pager Number,Mobile Number,Home Address,Home Address 2,Home City,Home State,Home ZipCode,"
        "Home Country,Work Address,Work Address 2,Work City,Work State,Work ZipCode,Work Country,Job Title,"
        "Department,Organization,Web Page 1,Web Page 2,Birth Year,Birth Month,Birth Day,Custom 1,Custom 2,Custom 3,"
        "Custom 4,Notes",
        "Lena,Fischer,Lena Fischer,leni,lena@fischer.example,l.fischer@uni.example,,,,,,0151 23456789,,,Bonn,,53111,"
        "Germany,,,,,,,Dozentin,,Universität Bonn,https://fischer.example,,,,,,,,,",
        ",,newsletter@shop.example,,newsletter@shop.example,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,,",
        end="\n",
    ).encode(),
    {
        "lena@fischer.example": {
            "full_name": "Lena Fischer",
            "company": "Universität Bonn",
            "title": "Dozentin",
            "phone": "+4915123456789",
            "location": "Bonn, Germany",
            "website": "fischer.example",
        },
        "newsletter@shop.example": {"company": None},
    },
    beside={"lena@fischer.example": ("l.fischer@uni.example", "53111", "leni")},
)

APOLLO = Export(
    "Apollo",
    _lines(
        "First Name,Last Name,Title,Company Name,Company Name for Emails,Email,Email Status,Primary Email Source,"
        "Email Confidence,Seniority,Departments,Contact Owner,Work Direct Phone,Home Phone,Mobile Phone,"
        "Corporate Phone,Other Phone,Stage,Lists,Last Contacted,Account Owner,# Employees,Industry,Keywords,"
        "Person Linkedin Url,Website,Company Linkedin Url,Facebook Url,Twitter Url,City,State,Country,"
        "Company Address,Company City,Company State,Company Country,Company Phone,SEO Description,Technologies,"
        "Annual Revenue,Total Funding,Latest Funding,Apollo Contact Id,Apollo Account Id,Secondary Email",
        'Priya,Raman,VP Engineering,"Vertex Labs, Inc.",Vertex Labs,priya@vertexlabs.example,Verified,Apollo,,VP,'
        "Engineering,sales@ours.example,,,'+1 415-555-0134,'+1 415-555-0100,,Cold,List A,2024-01-02,"
        'boss@ours.example,120,information technology & services,"saas, ml",http://www.linkedin.com/in/priya-raman,'
        "http://www.vertexlabs.example,http://www.linkedin.com/company/vertex-labs,https://facebook.com/vertexlabs,,"
        'San Francisco,California,United States,"1 Market St, San Francisco, California",San Francisco,California,'
        "United States,'+1 415-555-0100,,Python,12000000,,,5f1a,5f1b,priya.raman@home.example",
        "Oskar,Lind,CTO,Nordlys AB,Nordlys,oskar@nordlys.example,Unverified,Apollo,,C suite,,sales@ours.example,,,,,,"
        "Cold,,,,35,,,http://www.linkedin.com/in/oskarlind,http://www.nordlys.example,,,,Stockholm,,Sweden,,"
        "Stockholm,,Sweden,'+46 8 555 010 00,,,,,,5f1c,5f1d,",
        end="\n",
    ).encode(),
    {
        "priya@vertexlabs.example": {
            "full_name": "Priya Raman",
            "company": "Vertex Labs, Inc.",
            "title": "VP Engineering",
            "phone": "+14155550134",
            "linkedin_url": "https://www.linkedin.com/in/priya-raman",
            "website": "vertexlabs.example",
            "location": "San Francisco, California, United States",
            "company_size": "120",
            "industry": "information technology & services",
        },
        "oskar@nordlys.example": {
            "full_name": "Oskar Lind",
            "company": "Nordlys AB",
            "phone": "+46855501000",
            "location": "Stockholm, Sweden",
        },
    },
    beside={"priya@vertexlabs.example": ("priya.raman@home.example", "sales@ours.example", "boss@ours.example")},
)

HUBSPOT = Export(
    "HubSpot contacts",
    _lines(
        '"Record ID","First Name","Last Name","Email","Phone Number","Mobile Phone Number","Contact owner",'
        '"Primary Company","Last Activity Date (GMT+2)","Lead Status","Lifecycle Stage","Marketing contact status",'
        '"Create Date (GMT+2)","Job Title","Website URL","City","State/Region","Country/Region",'
        '"Additional email addresses","LinkedIn URL"',
        '"00151","Ada","Lovelace","ada@engine.example","+44 20 7946 0018","","Rob Rep (rob@ours.example)",'
        '"Analytical Engines","2024-05-01 10:00","NEW","Lead","Marketing contact","2024-04-01 09:00",'
        '"Countess","https://engine.example","London","","United Kingdom",'
        '"ada.l@engine.example;ada@byron.example","https://www.linkedin.com/in/ada-lovelace/"',
        '"00152","","","grace@navy.example","","","","","","","Subscriber","","2024-04-02 09:00","","","","","","",""',
        end="\n",
    ).encode(),
    {
        "ada@engine.example": {
            "full_name": "Ada Lovelace",
            "company": "Analytical Engines",
            "title": "Countess",
            "phone": "+442079460018",
            "linkedin_url": "https://www.linkedin.com/in/ada-lovelace",
            "location": "London, United Kingdom",
            "website": "engine.example",
        },
        "grace@navy.example": {"company": None, "full_name": None},
    },
    beside={"ada@engine.example": ("00151", "ada.l@engine.example", "ada@byron.example", "rob@ours.example")},
)

PIPEDRIVE = Export(
    "Pipedrive persons",
    _lines(
        '"Person - Name","Person - Label","Person - Organization","Person - Email - Work","Person - Email - Home",'
        '"Person - Email - Other","Person - Phone - Work","Person - Phone - Home","Person - Phone - Mobile",'
        '"Person - Open deals","Person - Next activity date","Person - Owner","Person - ID"',
        '"Tomasz Zieliński","Hot lead","Zieliński Sp. z o.o.","tomasz@zielinski.example","t.z@dom.example","",'
        '"22 123 45 67","","+48 601 234 567","1","2024-06-01","Rob Rep","17"',
        '"Yuki Tanaka","","","","yuki@tanaka.example","","","","+81 90-1234-5678","0","","Rob Rep","18"',
        end="\n",
    ).encode(),
    {
        "tomasz@zielinski.example": {
            "full_name": "Tomasz Zieliński",
            "company": "Zieliński Sp. z o.o.",
            "phone": "+48221234567",
        },
        "yuki@tanaka.example": {"full_name": "Yuki Tanaka", "phone": "+819012345678"},
    },
    beside={"tomasz@zielinski.example": ("t.z@dom.example", "+48 601 234 567", "Rob Rep")},
    region="PL",
)

ZOHO = Export(
    "Zoho leads",
    _lines(
        "Record Id,Lead Owner.id,Lead Owner,Company,Salutation,First Name,Last Name,Title,Email,Phone,Fax,Mobile,"
        "Website,Lead Source,Lead Status,Industry,No. of Employees,Annual Revenue,Rating,Created By.id,Created By,"
        "Modified By,Created Time,Skype ID,Secondary Email,Twitter,Street,City,State,Zip Code,Country,Description,"
        "Email Opt Out",
        "zcrm_3652397000000649013,zcrm_3652397000000186017,Rob Rep,Oh My Goodknits Inc,Ms.,Kayleigh,Lace,"
        "Purchasing Manager,kayleigh@goodknits.example,555-555-5555,,415-555-0177,http://goodknits.example,"
        "Cold Call,Contacted,Large Enterprise,500,850000,Active,zcrm_3652397000000186017,Rob Rep,Rob Rep,"
        "2024-01-05 11:00:00,kay.l,klace@home.example,,43 W Hastings Way,Port Angeles,WA,09812,United States,"
        '"Likes ""wool"", not silk",false',
        end="\n",
    ).encode("utf-8-sig"),
    {
        "kayleigh@goodknits.example": {
            "full_name": "Kayleigh Lace",
            "company": "Oh My Goodknits Inc",
            "title": "Purchasing Manager",
            "phone": "+15555555555",
            "website": "goodknits.example",
            "source": "Cold Call",
            "status": "Contacted",
            "location": "Port Angeles, WA, United States",
            "notes": 'Likes "wool", not silk',
        }
    },
    beside={"kayleigh@goodknits.example": ("klace@home.example", "415-555-0177", "09812", "zcrm_3652397000000649013")},
)

SALES_NAVIGATOR = Export(
    "Sales Navigator, by a scraper",
    _lines(
        "profileUrl,fullName,firstName,lastName,companyName,title,companyId,companyUrl,regularCompanyUrl,summary,"
        "industry,companyLocation,location,durationInRole,connectionDegree,sharedConnectionsCount,vmid,"
        "linkedInProfileUrl,isPremium,timestamp,defaultProfileUrl,email",
        '"https://www.linkedin.com/sales/lead/ACwAAA1,NAME_SEARCH,abc",Chloé Dubois,Chloé,Dubois,Atelier Dubois,'
        "Founder,1441,https://www.linkedin.com/sales/company/1441,https://www.linkedin.com/company/1441,"
        '"I build things,\nand sell them.",Design,"Paris, France",Greater Paris Metropolitan Region,2 years,2nd,3,'
        "ACwAAA1,https://www.linkedin.com/in/ACwAAA1/,false,2024-03-03T10:00:00.000Z,"
        "https://fr.linkedin.com/in/chloe-dubois?locale=fr_FR,chloe@atelier.example",
        end="\n",
    ).encode(),
    {
        "chloe@atelier.example": {
            "full_name": "Chloé Dubois",
            "company": "Atelier Dubois",
            "title": "Founder",
            "industry": "Design",
            "location": "Greater Paris Metropolitan Region",
        }
    },
    beside={"chloe@atelier.example": ("ACwAAA1",)},
)

FRENCH = Export(
    "French, Latin-1, semicolon, decimal commas",
    _lines(
        "Civilité;Nom;Prénom;Société;Fonction;Adresse e-mail;Téléphone;Portable;Ville;Code postal;Pays;CA (k€)",
        "M.;Lefèvre;Benoît;Boulangerie Lefèvre SARL;Gérant;benoit@lefevre.example;01 23 45 67 89;06 12 34 56 78;"
        "Bourg-en-Bresse;01000;France;1234,50",
        "Mme;Ngo;Françoise;L'Hôtel d'Été;Directrice;francoise@hotel-ete.example;;07 98 76 54 32;Nîmes;30000;France;"
        "0,75",
    )
    .replace("€", "EUR")
    .encode("latin-1"),
    {
        "benoit@lefevre.example": {
            "full_name": "Benoît Lefèvre",
            "company": "Boulangerie Lefèvre SARL",
            "title": "Gérant",
            "phone": "+33123456789",
            "location": "Bourg-en-Bresse, France",
        },
        "francoise@hotel-ete.example": {
            "full_name": "Françoise Ngo",
            "company": "L'Hôtel d'Été",
            "phone": "+33798765432",
        },
    },
    beside={
        "benoit@lefevre.example": ("01000", "1234,50", "06 12 34 56 78"),
        "francoise@hotel-ete.example": ("0,75",),
    },
    region="FR",
)

SPANISH = Export(
    "Spanish, UTF-16BE with mark, tab",
    _lines(
        "Nombre\tApellidos\tEmpresa\tCargo\tCorreo electrónico\tTeléfono\tMóvil\tCiudad\tProvincia\tPaís\tVentas",
        "Íñigo\tNúñez de la Peña\tPeña Hermanos, S.A.\tJefe de ventas\tinigo@pena.example\t91 123 45 67\t"
        "612 345 678\tMadrid\tMadrid\tEspaña\t1.234,50",
        "María José\tGarcía\t\t\tmariajose@garcia.example\t\t+34 698 765 432\tLeón\tLeón\tEspaña\t",
    )
    .encode("utf-16-be")
    .join([b"\xfe\xff", b""]),
    {
        "inigo@pena.example": {
            "full_name": "Íñigo Núñez de la Peña",
            "company": "Peña Hermanos, S.A.",
            "title": "Jefe de ventas",
            "phone": "+34911234567",
        },
        "mariajose@garcia.example": {"full_name": "María José García", "phone": "+34698765432"},
    },
    beside={"inigo@pena.example": ("1.234,50", "612 345 678")},
    region="ES",
)

ITALIAN = Export(
    "Italian, UTF-8, semicolon, Excel's sep line",
    _lines(
        "sep=;",
        "Nome;Cognome;Ragione sociale;Ruolo;Indirizzo email;Telefono;Cellulare;Città;CAP;Provincia;Note",
        "Niccolò;D'Angelo;Caffè D'Angelo S.r.l.;Titolare;niccolo@dangelo.example;06 1234 5678;347 123 4567;Roma;"
        '00184;RM;"Vuole; uno sconto"',
        "Lucia;Dal Pozzo;;;lucia@dalpozzo.example;;333 7654321;Torino;10121;TO;",
    ).encode(),
    {
        "niccolo@dangelo.example": {
            "full_name": "Niccolò D'Angelo",
            "company": "Caffè D'Angelo S.r.l.",
            "title": "Titolare",
            "phone": "+390612345678",
            "notes": "Vuole; uno sconto",
        },
        "lucia@dalpozzo.example": {"full_name": "Lucia Dal Pozzo", "phone": "+393337654321"},
    },
    beside={"niccolo@dangelo.example": ("00184", "347 123 4567")},
    region="IT",
)

PORTUGUESE = Export(
    "Portuguese, cp1252, pipe",
    _lines(
        "Nome|Sobrenome|Empresa|Cargo|E-mail|Telefone|Celular|Cidade|Estado|Observações",
        "João|Conceição|Padaria São João Ltda.|Sócio|joao@padaria.example|(11) 3123-4567|(11) 91234-5678|São Paulo|"
        "SP|Só às terças",
        "Inês|dos Santos|||ines@santos.example||+351 912 345 678|Lisboa||",
    ).encode("cp1252"),
    {
        "joao@padaria.example": {
            "full_name": "João Conceição",
            "company": "Padaria São João Ltda.",
            "title": "Sócio",
            "phone": "+551131234567",
            "location": "São Paulo, SP",
            "notes": "Só às terças",
        },
        "ines@santos.example": {"full_name": "Inês dos Santos", "phone": "+351912345678"},
    },
    beside={"joao@padaria.example": ("(11) 91234-5678",)},
    region="BR",
)

DUTCH = Export(
    "Dutch, tab, UTF-16LE without mark",
    _lines(
        "Voornaam\tTussenvoegsel\tAchternaam\tBedrijf\tFunctie\tE-mailadres\tTelefoonnummer\tMobiel\tPlaats\tPostcode",
        "Pieter\tvan der\tMeer\tVan der Meer B.V.\tInkoper\tpieter@vdmeer.example\t020 123 4567\t06-12345678\t"
        "Amsterdam\t1011 AB",
        "Anouk\t\tJansen\t\t\tanouk@jansen.example\t\t0031 6 87654321\tUtrecht\t3511 CD",
    ).encode("utf-16-le"),
    {
        "pieter@vdmeer.example": {
            "full_name": "Pieter van der Meer",
            "company": "Van der Meer B.V.",
            "title": "Inkoper",
            "phone": "+31201234567",
            "location": "Amsterdam",
        },
        "anouk@jansen.example": {"full_name": "Anouk Jansen", "phone": "+31687654321"},
    },
    beside={"pieter@vdmeer.example": ("06-12345678", "1011 AB")},
    region="NL",
)

POLISH = Export(
    "Polish, cp1250, semicolon",
    _lines(
        "Imię;Nazwisko;Nazwa firmy;Stanowisko;Adres e-mail;Telefon;Telefon komórkowy;Miasto;Kod pocztowy;Kraj",
        "Łukasz;Wiśniewski;Wiśniewski i Wspólnicy Sp. z o.o.;Prezes zarządu;lukasz@wisniewski.example;22 123 45 67;"
        "601 234 567;Łódź;90-001;Polska",
        "Małgorzata;Dąbrowska-Śliwa;Żółta Gęś;Właścicielka;malgorzata@ges.example;;+48 602 345 678;Gdańsk;80-001;"
        "Polska",
    ).encode("cp1250"),
    {
        "lukasz@wisniewski.example": {
            "full_name": "Łukasz Wiśniewski",
            "company": "Wiśniewski i Wspólnicy Sp. z o.o.",
            "title": "Prezes zarządu",
            "phone": "+48221234567",
            "location": "Łódź, Poland",
        },
        "malgorzata@ges.example": {
            "full_name": "Małgorzata Dąbrowska-Śliwa",
            "company": "Żółta Gęś",
            "phone": "+48602345678",
        },
    },
    beside={"lukasz@wisniewski.example": ("90-001", "601 234 567")},
    region="PL",
)

SALESFORCE_REPORT = Export(
    "Salesforce report of leads, with its footer",
    _lines(
        '"Lead Owner","First Name","Last Name","Title","Company / Account","Email","Phone","Street","City",'
        '"State/Province","Zip/Postal Code","Country","Lead Source","Rating","Lead Status","Create Date"',
        '"Rob Rep","Nadia","El-Amin","COO","Delta, Echo & Co","nadia@delta.example","(650) 867-3450","1 Main",'
        '"San Mateo","CA","00940","USA","Web","Hot","Open - Not Contacted","1/5/2024"',
        "",
        '"Confidential Information - Do Not Distribute"',
        '"Copyright © 2000-2024 salesforce.com, inc. All rights reserved."',
        end="\n",
    ).encode("latin-1"),
    {
        "nadia@delta.example": {
            "full_name": "Nadia El-Amin",
            "company": "Delta, Echo & Co",
            "title": "COO",
            "phone": "+16508673450",
            "status": "Open - Not Contacted",
            "source": "Web",
        }
    },
    beside={"nadia@delta.example": ("00940", "Rob Rep")},
)

FACEBOOK = Export(
    "Facebook lead ads, UTF-16LE with mark, tab",
    _lines(
        "\ufeffid\tcreated_time\tad_id\tad_name\tadset_id\tadset_name\tcampaign_id\tcampaign_name\tform_id\tform_name\t"
        "is_organic\tplatform\temail\tfull_name\tphone_number\tcompany_name\tjob_title\tcity",
        "l:1234567890123456\t2024-01-01T10:00:00-06:00\tag:1\tAd\tas:1\tSet\tc:1\tSpring Campaign\tf:1\tForm\t"
        "false\tfb\t"
        "jo@ng.example\tJo Ng\tp:+14155550100\tNg & Daughters\tOwner\tReno",
        end="\n",
    ).encode("utf-16-le"),
    {
        "jo@ng.example": {
            "full_name": "Jo Ng",
            "phone": "+14155550100",
            "company": "Ng & Daughters",
            "title": "Owner",
            "location": "Reno",
        }
    },
    beside={"jo@ng.example": ("l:1234567890123456", "Spring Campaign")},
)

ZOOMINFO = Export(
    "ZoomInfo",
    _lines(
        "ZoomInfo Contact ID,Last Name,First Name,Middle Name,Salutation,Suffix,Job Title,Management Level,"
        "Direct Phone Number,Mobile phone,Email Address,Email Domain,LinkedIn Contact Profile URL,Person City,"
        "Person State,Person Zip Code,Country,ZoomInfo Company ID,Company Name,Company HQ Phone,Website,Employees,"
        "Primary Industry",
        "-1210456123,Mbeki,Thandi,,Ms.,,CFO,C-Level,(415) 555-0100,(415) 555-0101,thandi@mbeki.example,mbeki.example,"
        'www.linkedin.com/in/thandi-mbeki/,Newark,NJ,07102,United States,99,"Mbeki, Roe & Co.",(415) 555-0199,'
        "www.mbeki.example,50,Software",
    ).encode(),
    {
        "thandi@mbeki.example": {
            "full_name": "Thandi Mbeki",
            "company": "Mbeki, Roe & Co.",
            "title": "CFO",
            "phone": "+14155550100",
            "linkedin_url": "https://www.linkedin.com/in/thandi-mbeki",
            "location": "Newark, NJ, United States",
            "website": "mbeki.example",
            "industry": "Software",
        }
    },
    beside={"thandi@mbeki.example": ("07102", "-1210456123", "(415) 555-0101", "(415) 555-0199")},
)

FORM = Export(
    "A form's answers, Spanish headers among English ones",
    _lines(
        "Timestamp,Your name,Email de contacto,Phone number (with area code),Company / Organisation,Telefon/Handy",
        "2024/01/01 10:00:00,Ana Ruiz,ana@ruiz.example,415 555 0100,Ruiz SL,+49 171 2345678",
        end="\n",
    ).encode(),
    {"ana@ruiz.example": {"full_name": "Ana Ruiz", "phone": "+14155550100", "company": "Ruiz SL"}},
    beside={"ana@ruiz.example": ("+49 171 2345678", "2024/01/01 10:00:00")},
)

EXPORTS = (
    OUTLOOK, OUTLOOK_GERMAN, GOOGLE_NEW, GOOGLE_OLD, THUNDERBIRD, APOLLO, HUBSPOT, PIPEDRIVE, ZOHO, SALES_NAVIGATOR,
    SALESFORCE_REPORT, FACEBOOK, ZOOMINFO, FORM, FRENCH, SPANISH, ITALIAN, PORTUGUESE, DUTCH, POLISH,
)  # fmt: skip
